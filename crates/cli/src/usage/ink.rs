//! Events on their way into a file.

use super::form::Form;
use crate::failure::Failure;
use crate::file::Output;

/// Writes what comes in pieces, and counts.
pub(super) struct Ink<'a> {
    form: Form,
    output: &'a mut Output,
    /// Lines that ended so far, but for those within quotes.
    lines: u64,
    bytes: u64,
    /// Whether a quoted cell is open.
    is_quoted: bool,
    /// Whether a line has begun and not ended.
    is_open: bool,
}

impl<'a> Ink<'a> {
    /// Nothing is written yet.
    pub(super) fn new(form: Form, output: &'a mut Output) -> Self {
        Self {
            form,
            output,
            lines: 0,
            bytes: 0,
            is_quoted: false,
            is_open: false,
        }
    }

    /// How many events are written.
    pub(super) fn events(&self) -> u64 {
        let header = u64::from(self.form == Form::Csv);
        self.lines.saturating_sub(header)
    }

    /// How many bytes are written.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes what stands before the first event.
    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        if self.form == Form::Json {
            self.write(b"{\"data\":[")
        } else {
            Ok(())
        }
    }

    /// Writes another piece, which may end anywhere.
    pub(super) fn piece(&mut self, piece: &[u8]) -> Result<(), Failure> {
        if self.form != Form::Json {
            self.write(piece)?;
        }
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.form == Form::Json {
                self.element(line)?;
            }
            self.count(line);
        }
        Ok(())
    }

    /// Writes what stands behind the last event.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        if self.is_open || self.is_quoted {
            return Err(Failure::new("the answer ended in the middle of an event"));
        }
        if self.form == Form::Json {
            let tail = format!("],\"count\":{},\"next_cursor\":null}}", self.lines);
            self.write(tail.as_bytes())?;
        }
        Ok(())
    }

    /// A line, or a part of one, as an element of the list.
    fn element(&mut self, line: &[u8]) -> Result<(), Failure> {
        if !self.is_open && self.lines > 0 {
            self.write(b",")?;
        }
        self.write(line.strip_suffix(b"\n").unwrap_or(line))
    }

    fn count(&mut self, line: &[u8]) {
        let quotes = line.iter().filter(|byte| **byte == b'"').count();
        // In JSON lines a line break is always the end of an event.
        if self.form == Form::Csv && quotes % 2 == 1 {
            self.is_quoted = !self.is_quoted;
        }
        self.is_open = self.is_quoted || !line.ends_with(b"\n");
        self.lines = self.lines.saturating_add(u64::from(!self.is_open));
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.output.write(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written of `text` in pieces of `size`, and how many events.
    fn written(form: Form, text: &str, size: usize) -> (String, u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut output = Output::create(&path).unwrap();
        let mut ink = Ink::new(form, &mut output);
        ink.begin().unwrap();
        for piece in text.as_bytes().chunks(size) {
            ink.piece(piece).unwrap();
        }
        ink.end().unwrap();
        let events = ink.events();
        output.finish().unwrap();
        (std::fs::read_to_string(&path).unwrap(), events)
    }

    #[test]
    fn pieces_may_end_anywhere() {
        let csv = "task_id,metadata\r\nt1,\"a \"\"b\"\",\r\nc\"\r\nt2,\r\n";
        let lines = "{\"id\":\"a\"}\n{\"id\":\"b\",\"metadata\":\"\\\"\"}\n";
        let list = "{\"data\":[{\"id\":\"a\"},{\"id\":\"b\",\"metadata\":\"\\\"\"}],\"count\":2,\"next_cursor\":null}";
        for size in 1..=csv.len() {
            assert_eq!(written(Form::Csv, csv, size), (csv.to_owned(), 2));
            assert_eq!(written(Form::Jsonl, lines, size), (lines.to_owned(), 2));
            assert_eq!(written(Form::Json, lines, size), (list.to_owned(), 2));
        }
        assert_eq!(
            written(Form::Json, "", 1),
            (
                "{\"data\":[],\"count\":0,\"next_cursor\":null}".to_owned(),
                0
            )
        );
    }

    #[test]
    fn half_an_event_is_not_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        for (form, text) in [
            (Form::Csv, "task_id\r\nt1"),
            (Form::Csv, "task_id\r\n\"a\r\n"),
            (Form::Jsonl, "{}\n{"),
            (Form::Json, "{"),
        ] {
            let mut output = Output::create(&path).unwrap();
            let mut ink = Ink::new(form, &mut output);
            ink.piece(text.as_bytes()).unwrap();
            ink.end().unwrap_err();
            drop(output);
            assert!(!path.exists());
        }
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "nothing is left behind"
        );
    }
}
