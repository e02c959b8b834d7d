//! Clocks that go forward and back.

use crate::local;

#[test]
fn a_time_that_a_clock_skips_runs_once_at_the_first_valid_instant() {
    // 8 March 2026, 02:00 EST becomes 03:00 EDT.
    let day = "2026-03-08 05:30";
    for cron in [
        "30 2 * * *",
        "0,15,30 2 * * *",
        "10-20 2 * * *",
        "*/15 2 * * *",
        "0 2,3 * * *",
        "0 */2 * * *",
    ] {
        let runs = local(cron, "America/New_York", day, 2);
        assert_eq!(runs[0], "2026-03-08 03:00 -04:00", "{cron}");
        assert!(*runs[1] > *"2026-03-08 03:59", "{cron}: {runs:?}");
    }
    // What runs in every hour follows elapsed time.
    assert_eq!(
        local("30 * * * *", "America/New_York", "2026-03-08 06:00", 2),
        ["2026-03-08 01:30 -05:00", "2026-03-08 03:30 -04:00"]
    );
    assert_eq!(
        local("*/30 * * * *", "America/New_York", "2026-03-08 06:00", 3),
        [
            "2026-03-08 01:30 -05:00",
            "2026-03-08 03:00 -04:00",
            "2026-03-08 03:30 -04:00"
        ]
    );
    assert_eq!(
        local("30 1 * * *", "Europe/London", "2026-03-28 12:00", 2),
        ["2026-03-29 02:00 +01:00", "2026-03-30 01:30 +01:00"]
    );
    // Half an hour in Lord Howe; midnight in Sao Paulo; a whole day in Apia.
    assert_eq!(
        local("15 2 * * *", "Australia/Lord_Howe", "2026-10-03 12:00", 1),
        ["2026-10-04 02:30 +11:00"]
    );
    assert_eq!(
        local("0 0 * * *", "America/Sao_Paulo", "2018-11-03 12:00", 2),
        ["2018-11-04 01:00 -02:00", "2018-11-05 00:00 -02:00"]
    );
    assert_eq!(
        local("0 9 * * *", "Pacific/Apia", "2011-12-29 12:00", 3),
        [
            "2011-12-29 09:00 -10:00",
            "2011-12-31 00:00 +14:00",
            "2011-12-31 09:00 +14:00"
        ]
    );
    assert_eq!(
        local("30 2 * * *", "Asia/Kolkata", "2026-03-07 12:00", 2),
        ["2026-03-08 02:30 +05:30", "2026-03-09 02:30 +05:30"]
    );
}

#[test]
fn a_time_that_a_clock_repeats_runs_once_and_an_interval_runs_on() {
    // 1 November 2026, 02:00 EDT becomes 01:00 EST.
    let day = "2026-11-01 04:30";
    assert_eq!(
        local("30 1 * * *", "America/New_York", day, 2),
        ["2026-11-01 01:30 -04:00", "2026-11-02 01:30 -05:00"]
    );
    assert_eq!(
        local("0,30 1 * * *", "America/New_York", day, 3),
        [
            "2026-11-01 01:00 -04:00",
            "2026-11-01 01:30 -04:00",
            "2026-11-02 01:00 -05:00"
        ]
    );
    assert_eq!(
        local("0 1-2 * * *", "America/New_York", day, 3),
        [
            "2026-11-01 01:00 -04:00",
            "2026-11-01 02:00 -05:00",
            "2026-11-02 01:00 -05:00"
        ]
    );
    assert_eq!(
        local("30 * * * *", "America/New_York", "2026-11-01 05:00", 3),
        [
            "2026-11-01 01:30 -04:00",
            "2026-11-01 01:30 -05:00",
            "2026-11-01 02:30 -05:00"
        ]
    );
    assert_eq!(
        local("*/30 1 * * *", "America/New_York", day, 4),
        [
            "2026-11-01 01:00 -04:00",
            "2026-11-01 01:30 -04:00",
            "2026-11-01 01:00 -05:00",
            "2026-11-01 01:30 -05:00"
        ]
    );
    // Asked for from within the repeated hour.
    assert_eq!(
        local("30 1 * * *", "America/New_York", "2026-11-01 06:10", 1),
        ["2026-11-02 01:30 -05:00"]
    );
    assert_eq!(
        local("45 1 * * *", "Australia/Lord_Howe", "2026-04-04 12:00", 2),
        ["2026-04-05 01:45 +11:00", "2026-04-06 01:45 +10:30"]
    );
    assert_eq!(
        local("30 23 * * *", "America/Sao_Paulo", "2018-02-17 12:00", 2),
        ["2018-02-17 23:30 -02:00", "2018-02-18 23:30 -03:00"]
    );
    assert_eq!(
        local("30 1 * * *", "Europe/Dublin", "2026-10-24 12:00", 2),
        ["2026-10-25 01:30 +01:00", "2026-10-26 01:30 +00:00"]
    );
}
