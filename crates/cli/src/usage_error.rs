//! A command line that cannot be read.

use crate::failure::one_line;
use clap::error::ErrorKind;
use std::process::ExitCode;

/// Prints the help that was asked for, or one sentence on what is wrong.
pub(crate) fn exit(error: &clap::Error) -> ExitCode {
    let code = if error.use_stderr() { 2 } else { 0 };
    if code == 0 || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // A closed stdout leaves nobody to tell.
        let _ = error.print();
    } else {
        eprintln!("{}", sentence(&error.to_string()));
    }
    ExitCode::from(code)
}

/// clap's message without its usage text.
fn sentence(message: &str) -> String {
    let end = message
        .find("\n\nUsage:")
        .or_else(|| message.find("\n\nFor more information"));
    let first = end.and_then(|end| message.get(..end)).unwrap_or(message);
    format!("{}; --help shows how", one_line(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usage_error_is_one_line() {
        let message = "error: the following required arguments were not provided:\n  --tenant <TENANT>\n\nUsage: tollgate replay\n\nFor more";
        let expected = "error: the following required arguments were not provided: --tenant <TENANT>; --help shows how";
        assert_eq!(sentence(message), expected);
    }
}
