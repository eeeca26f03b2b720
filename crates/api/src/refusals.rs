//! What tests say of refusals.

use crate::problem::Problem;
use std::fmt::Debug;

/// The status and the pointers of a refusal, one space between.
pub(crate) fn refusal<T: Debug>(result: Result<T, Problem>) -> (u16, String) {
    match result {
        Ok(value) => panic!("not refused: {value:?}"),
        Err(problem) => {
            let pointers: Vec<&str> = problem
                .errors
                .iter()
                .map(|error| error.pointer.as_str())
                .collect();
            (problem.status(), pointers.join(" "))
        }
    }
}

/// Claims that `parse` refuses each body with that status and those pointers.
pub(crate) fn refuses<T: Debug>(
    parse: impl Fn(&[u8]) -> Result<T, Problem>,
    table: &[(&[u8], u16, &str)],
) {
    for (body, status, pointers) in table {
        let (found_status, found) = refusal(parse(body));
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]);
        assert_eq!(
            (found_status, found.as_str()),
            (*status, *pointers),
            "{shown}"
        );
    }
}
