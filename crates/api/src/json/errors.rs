//! All that is wrong with a body.

use crate::kind::Kind;
use crate::problem::{FieldError, Problem};

/// The most faults listed: one for each event of a full batch.
const LISTED_MAX: usize = 1000;

/// What is wrong with one value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// It is of the wrong type, missing or unknown: 400.
    Shape(String),
    /// It is well formed and breaks a rule: 422.
    Rule(String),
}

impl Fault {
    pub(crate) fn shape(message: impl ToString) -> Self {
        Self::Shape(message.to_string())
    }

    pub(crate) fn rule(message: impl ToString) -> Self {
        Self::Rule(message.to_string())
    }
}

/// The faults found so far, in the order they were found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Errors {
    list: Vec<FieldError>,
    count: usize,
    misshapen: bool,
}

impl Errors {
    pub(crate) fn of(pointer: &str, fault: Fault) -> Self {
        let mut errors = Self::default();
        errors.add(pointer, fault);
        errors
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn add(&mut self, pointer: &str, fault: Fault) {
        let message = match fault {
            Fault::Shape(message) => {
                self.misshapen = true;
                message
            }
            Fault::Rule(message) => message,
        };
        self.count = self.count.saturating_add(1);
        if self.list.len() < LISTED_MAX {
            self.list.push(FieldError::new(pointer, message));
        }
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        let room = LISTED_MAX.saturating_sub(self.list.len());
        self.list.extend(other.list.into_iter().take(room));
        self.count = self.count.saturating_add(other.count);
        self.misshapen |= other.misshapen;
    }

    /// All values, or all faults of all of them.
    pub(crate) fn gather<T>(
        results: impl IntoIterator<Item = Result<T, Self>>,
    ) -> Result<Vec<T>, Self> {
        let mut values = Vec::new();
        let mut errors = Self::default();
        for result in results {
            match result {
                Ok(value) => values.push(value),
                Err(more) => errors.absorb(more),
            }
        }
        if errors.is_empty() {
            Ok(values)
        } else {
            Err(errors)
        }
    }

    /// 400 if anything is misshapen, else 422.
    pub(crate) fn into_problem(self) -> Problem {
        self.unless_misshapen(Kind::InvalidValue)
    }

    /// The same of an event.
    pub(crate) fn into_event_problem(self) -> Problem {
        self.unless_misshapen(Kind::InvalidEvent)
    }

    /// The same of a body in which an event stands at `place`.
    pub(crate) fn into_problem_within(self, place: &str) -> Problem {
        let mut pointers = self.list.iter().map(|error| error.pointer.as_str());
        if pointers.any(|pointer| pointer.starts_with(place)) {
            self.into_event_problem()
        } else {
            self.into_problem()
        }
    }

    fn unless_misshapen(self, kind: Kind) -> Problem {
        let misshapen = self.misshapen;
        self.into_kind(if misshapen {
            Kind::InvalidRequest
        } else {
            kind
        })
    }

    /// 400 whatever is wrong, as the ASAP routes answer.
    pub(crate) fn into_invalid_request(self) -> Problem {
        self.into_kind(Kind::InvalidRequest)
    }

    fn into_kind(self, kind: Kind) -> Problem {
        let mut problem = match (self.list.as_slice(), self.count) {
            ([only], _) if only.pointer.is_empty() => {
                Problem::new(kind, format!("the body {}", only.message))
            }
            ([only], _) => Problem::new(kind, format!("`{}` {}", only.pointer, only.message)),
            (listed, count) if listed.len() < count => Problem::new(
                kind,
                format!(
                    "{count} values are at fault; the first {} are listed",
                    listed.len()
                ),
            ),
            (_, count) => Problem::new(
                kind,
                format!("{count} values are at fault; `errors` lists them"),
            ),
        };
        problem.errors = self.list;
        problem
    }
}
