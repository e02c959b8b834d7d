//! The table that people read, as Markdown, so that it can be pasted into docs/performance.md.

use crate::measure::{About, Judged, Summed};
use crate::report::{Report, SectionReport};
use crate::stats::Spread;

const HEAD: &str = "| section | measure | ours: median (min to max) | yardstick | ratio | goal | met |\n\
                    |---|---|---|---|---|---|---|";

/// One section, as soon as it is measured.
pub fn print(section: &SectionReport) {
    if let Some(why) = &section.failed {
        println!("{}: NOT MEASURED: {why}", section.name);
    }
    for measure in &section.measures {
        println!("{}", line(&section.name, measure));
    }
    for note in &section.notes {
        println!("  {note}");
    }
    println!("  ({:.0} s)", section.seconds);
}

/// All of them.
pub fn print_all(report: &Report) {
    println!(
        "\n{} cores, {}, scale {}, {} rounds, {:.0} s\n\n{HEAD}",
        report.machine.cores, report.server.version, report.scale.name, report.rounds, report.seconds
    );
    for section in &report.sections {
        if section.failed.is_some() {
            println!("| {} | not measured | | | | | |", section.name);
        }
        for measure in &section.measures {
            println!("{}", line(&section.name, measure));
        }
    }
    println!();
}

fn line(section: &str, measure: &Summed) -> String {
    let yardstick = measure.yardstick.as_ref();
    let goals: Vec<String> = measure.goals.iter().map(goal).collect();
    let cells = [
        section.to_owned(),
        measure.measure.clone(),
        format!("{} {}", spread(measure.ours), measure.unit),
        yardstick.map_or_else(String::new, |other| {
            format!("{}: {}", other.name, number(other.value.median))
        }),
        yardstick.map_or_else(String::new, |other| spread(other.ratio)),
        goals.join(", "),
        measure
            .met
            .map_or("", |met| if met { "yes" } else { "no" })
            .to_owned(),
    ];
    format!("| {} |", cells.join(" | "))
}

fn goal(judged: &Judged) -> String {
    let about = match judged.goal.about {
        About::Value => "",
        About::Ratio => "ratio ",
    };
    let sign = if judged.goal.at_least { "≥" } else { "≤" };
    format!("{about}{sign} {}", number(judged.goal.bound))
}

fn spread(spread: Spread) -> String {
    if spread.min == spread.max {
        return number(spread.median);
    }
    format!(
        "{} ({} to {})",
        number(spread.median),
        number(spread.min),
        number(spread.max)
    )
}

/// With as many digits as carry anything, and separators of thousands.
fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        let places = match value.abs() {
            small if small < 0.1 => 4,
            few if few < 10.0 => 2,
            _ => 1,
        };
        let text = format!("{value:.places$}");
        let short = text.trim_end_matches('0').trim_end_matches('.');
        return if short.contains('.') {
            text
        } else {
            short.to_owned()
        };
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Goal, Measure};

    #[test]
    fn numbers_are_written_with_the_digits_that_carry_something() {
        let written: Vec<String> = [
            0.0,
            0.0024,
            0.4567,
            4.0,
            12.34,
            999.6,
            118_000.0,
            5_000_000.0,
            -1_234.0,
        ]
        .into_iter()
        .map(number)
        .collect();
        let expected = [
            "0",
            "0.0024",
            "0.46",
            "4",
            "12.3",
            "1,000",
            "118,000",
            "5,000,000",
            "-1,234",
        ];
        assert_eq!(written, expected);
    }

    #[test]
    fn a_line_says_what_was_measured_against_what_and_whether_that_is_enough() {
        let measure = Measure::new("1 client", "rows/s", vec![700.0, 800.0, 900.0])
            .against("no trigger", &[1000.0, 1000.0, 1000.0])
            .goal(Goal::ratio_at_least(0.75));
        assert_eq!(
            line("insert_match", &measure.into()),
            "| insert_match | 1 client | 800 (700 to 900) rows/s | no trigger: 1,000 | 0.80 (0.70 to 0.90) \
             | ratio ≥ 0.75 | yes |"
        );
    }
}
