//! Questions on the terminal.

use super::check::Check;
use super::wizard::Ask;
use crate::failure::Failure;
use inquire::validator::{ErrorMessage, Validation};
use inquire::{Confirm, CustomUserError, InquireError, MultiSelect, Select, Text};

/// The terminal of this process; questions go to stderr.
pub(super) struct Terminal;

impl Ask for Terminal {
    fn truth(&mut self, question: &str, help: &str, usual: bool) -> Result<bool, Failure> {
        Confirm::new(question)
            .with_help_message(help)
            .with_default(usual)
            .prompt()
            .map_err(failure)
    }

    fn text(
        &mut self,
        question: &str,
        help: &str,
        usual: &str,
        check: Check,
    ) -> Result<String, Failure> {
        let validator = move |text: &str| -> Result<Validation, CustomUserError> {
            Ok(check.fault(text).map_or(Validation::Valid, |fault| {
                Validation::Invalid(ErrorMessage::Custom(fault))
            }))
        };
        // As what is typed already, so that it can be cleared.
        let prompt = Text::new(question)
            .with_help_message(help)
            .with_initial_value(usual)
            .with_validator(validator);
        prompt.prompt().map_err(failure)
    }

    fn one(&mut self, question: &str, options: &[&str], usual: usize) -> Result<usize, Failure> {
        let prompt = Select::new(question, options.to_vec())
            .with_starting_cursor(usual)
            .without_filtering();
        let prompt = prompt.with_help_message("↑↓ to move, enter to choose");
        prompt
            .raw_prompt()
            .map(|option| option.index)
            .map_err(failure)
    }

    fn some(
        &mut self,
        question: &str,
        options: &[&str],
        usual: &[usize],
    ) -> Result<Vec<usize>, Failure> {
        let prompt = MultiSelect::new(question, options.to_vec())
            .with_default(usual)
            .without_filtering();
        let prompt = prompt.with_help_message("↑↓ to move, space to choose, enter when done");
        let prompt = prompt.with_validator(inquire::min_length!(1, "choose one at least"));
        prompt
            .raw_prompt()
            .map(|options| options.iter().map(|option| option.index).collect())
            .map_err(failure)
    }
}

fn failure(error: InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => {
            Failure::new("cancelled: nothing was written")
        }
        error => Failure::to("ask", error),
    }
}
