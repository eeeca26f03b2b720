//! One set of questions for every store.
