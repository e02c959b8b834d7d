//! A crontab expression: five fields, or a nickname such as `@daily`.

use chrono::{Datelike as _, NaiveDate, NaiveTime, Weekday};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use super::{MAX_BYTES, ScheduleError};

/// Nicknames, as in the crontab manual.
const NICKNAMES: &[(&str, &str)] = &[
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A parsed expression.
pub(super) struct Expression {
    cron: Cron,
    times: Vec<NaiveTime>,
    hourly: bool,
    interval: bool,
}

impl Expression {
    /// Reads an expression.
    pub(super) fn parse(source: &str) -> Result<Expression, ScheduleError> {
        if source.len() > MAX_BYTES {
            return Err(ScheduleError::TooLong(source.len()));
        }
        let refuse = |message: String| ScheduleError::Cron(message);
        if !source.is_ascii() {
            return Err(refuse(
                "it may hold digits, names, `*`, `,`, `-` and `/` only".to_owned(),
            ));
        }
        let source = source.trim();
        let plain = match NICKNAMES
            .iter()
            .find(|(name, _)| source.eq_ignore_ascii_case(name))
        {
            Some((_, plain)) => plain,
            None if source.eq_ignore_ascii_case("@reboot") => {
                return Err(refuse(
                    "`@reboot` is no time; a daemon may start at any time".to_owned(),
                ));
            }
            None if source.contains('@') => {
                let known: Vec<_> = NICKNAMES.iter().map(|(name, _)| *name).collect();
                return Err(refuse(format!("of the nicknames there are {}", known.join(", "))));
            }
            None => source,
        };
        let fields: Vec<&str> = plain.split_ascii_whitespace().collect();
        let [minute, _, day, _, weekday] = fields.as_slice() else {
            return Err(refuse(format!(
                "it has {} fields; five are needed: minute, hour, day of month, month, day of week",
                fields.len()
            )));
        };
        for (position, field) in fields.iter().enumerate() {
            if let Some(part) = field.split(',').find(|part| !is_readable(part, position)) {
                let shown: String = part.chars().take(20).collect();
                return Err(refuse(format!("`{shown}` in field {}", position + 1)));
            }
        }
        // A field that begins with a star does not restrict: then both must match, which the other alone decides
        // where the star stands alone.
        let joined = day.starts_with(['*', '?']) || weekday.starts_with(['*', '?']);
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .dom_and_dow(joined)
            .build();
        let cron = parser.parse(&fields.join(" ")).map_err(|error| {
            let message: String = error.to_string().chars().take(200).collect();
            refuse(message)
        })?;
        let (minutes, hours) = (cron.pattern.minutes.values(), cron.pattern.hours.values());
        let times = hours
            .iter()
            .flat_map(|hour| {
                minutes
                    .iter()
                    .map(|minute| (u32::from(*hour), u32::from(*minute)))
            })
            .filter_map(|(hour, minute)| NaiveTime::from_hms_opt(hour, minute, 0))
            .collect();
        let hourly = hours.len() == 24;
        let interval = minute.starts_with('*');
        Ok(Expression {
            cron,
            times,
            hourly,
            interval,
        })
    }

    /// Whether it runs on that date.
    pub(super) fn matches_date(&self, date: NaiveDate) -> bool {
        let weekday = match date.weekday() {
            Weekday::Mon => croner::time::Weekday::Monday,
            Weekday::Tue => croner::time::Weekday::Tuesday,
            Weekday::Wed => croner::time::Weekday::Wednesday,
            Weekday::Thu => croner::time::Weekday::Thursday,
            Weekday::Fri => croner::time::Weekday::Friday,
            Weekday::Sat => croner::time::Weekday::Saturday,
            Weekday::Sun => croner::time::Weekday::Sunday,
        };
        let pattern = &self.cron.pattern;
        matches!(pattern.month_match(date.month()), Ok(true))
            && matches!(
                pattern.day_match(date.year(), date.month(), date.day(), weekday),
                Ok(true)
            )
    }

    /// The times of a day, in order.
    pub(super) fn times(&self) -> &[NaiveTime] {
        &self.times
    }

    /// Whether it runs in every hour, so that it follows elapsed time.
    pub(super) fn is_hourly(&self) -> bool {
        self.hourly
    }

    /// Whether times that a clock repeats count twice.
    pub(super) fn repeats(&self) -> bool {
        self.hourly || self.interval
    }
}

/// Whether a part of a list may stand in the field of that number. `croner` replaces names anywhere (`1JAN` would be
/// 11), takes empty parts, and gives `+` a meaning of its own.
fn is_readable(part: &str, position: usize) -> bool {
    const MONTHS: &[&str] = &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ];
    const WEEKDAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    part.split(['-', '/', '#']).all(|word| {
        let word = word.to_ascii_uppercase();
        let digits = |word: &str| (1..=2).contains(&word.len()) && word.bytes().all(|c| c.is_ascii_digit());
        match position {
            _ if word == "*" || digits(&word) => true,
            2 => matches!(word.as_str(), "?" | "L" | "LW") || word.strip_suffix('W').is_some_and(digits),
            3 => MONTHS.contains(&word.as_str()),
            4 => {
                let day = word.strip_suffix('L').unwrap_or(&word);
                word == "?" || day.is_empty() && !word.is_empty() || digits(day) || WEEKDAYS.contains(&day)
            }
            _ => false,
        }
    })
}
