//! What clap has to say, in one line: scripts and journals show the first line only.

use clap::Parser;
use clap::error::ErrorKind;

use super::CommandLine;

/// What the command line came to when it is not a command line.
#[derive(Debug)]
pub enum Answer {
    /// `--help` and `--version`: print to standard output, exit 0.
    Text(String),
    /// One line that names the flag: print to standard error, exit 2.
    Wrong(String),
}

/// Reads the command line and the environment.
pub fn parse(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<CommandLine, Answer> {
    CommandLine::try_parse_from(arguments).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Answer::Text(error.render().to_string()),
        _ => Answer::Wrong(one_line(&error.render().to_string())),
    })
}

/// The first paragraph without the word "error:", its lines joined.
fn one_line(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    let joined = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.strip_prefix("error: ").unwrap_or(&joined).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(arguments: &[&str]) -> String {
        match parse(arguments.iter().map(|argument| argument.into())) {
            Err(Answer::Wrong(line)) => line,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_one_line_that_names_the_flag() {
        for (flag, value) in [
            ("--lease", "soon"),
            ("--concurrency", "0"),
            ("--log-format", "xml"),
            ("--max-output", "x"),
        ] {
            let line = wrong(&["automationd", flag, value]);
            assert!(line.contains(flag) && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn help_is_no_error() {
        assert!(matches!(
            parse(["automationd", "--help"].map(Into::into)),
            Err(Answer::Text(_))
        ));
    }
}
