//! Columns: one figure of every event of a page, one after the other.
//!
//! Numbers are stored as variable-length integers, those near to each other as
//! differences, those that share a power of ten without it. What all events have
//! alike is stored once.

use crate::ledger::form::FormError;
use alloc::vec::Vec;

/// How a column is stored.
const SAME: u8 = 0;
const EACH: u8 = 1;
const STEPS: u8 = 2;

/// Which events have a figure at all.
const NONE: u8 = 0;
const ALL: u8 = 1;
const SOME: u8 = 2;

const TEN: i128 = 10;

/// The highest power of ten that an `i128` holds.
const TENS_MAX: u8 = 38;

/// Columns as they are written.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

/// Columns as they are read. Each reading takes as many figures as it is told.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl Writer {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A figure of each event.
    pub(super) fn put(&mut self, numbers: &[i128]) {
        self.put_column(numbers, EACH);
    }

    /// A figure of each event that mostly grows by little from one to the next.
    pub(super) fn put_steps(&mut self, numbers: &[i128]) {
        self.put_column(numbers, STEPS);
    }

    fn put_column(&mut self, numbers: &[i128], form: u8) {
        let Some((first, rest)) = numbers.split_first() else {
            return;
        };
        if rest.iter().all(|number| number == first) {
            self.bytes.push(SAME);
            self.put_number(*first);
            return;
        }
        let tens = common_tens(numbers);
        let scale = TEN.checked_pow(u32::from(tens)).unwrap_or(1);
        self.bytes.push(form);
        self.bytes.push(tens);
        let mut last = 0_i128;
        for number in numbers {
            let number = number.checked_div(scale).unwrap_or(0);
            // Wraps both ways alike.
            self.put_number(number.wrapping_sub(last));
            if form == STEPS {
                last = number;
            }
        }
    }

    /// A figure of those events that have it.
    pub(super) fn put_optional(&mut self, numbers: &[Option<i128>]) {
        let some: Vec<i128> = numbers.iter().flatten().copied().collect();
        if some.is_empty() {
            self.bytes.push(NONE);
        } else if some.len() == numbers.len() {
            self.bytes.push(ALL);
            self.put(&some);
        } else {
            self.bytes.push(SOME);
            for eight in numbers.chunks(8) {
                let bit = |byte: u8, (place, number): (usize, &Option<i128>)| {
                    let bit = u32::try_from(place)
                        .ok()
                        .and_then(|at| 1_u8.checked_shl(at));
                    byte | bit.filter(|_| number.is_some()).unwrap_or(0)
                };
                self.bytes.push(eight.iter().enumerate().fold(0, bit));
            }
            self.put(&some);
        }
    }

    /// A zigzag number, seven bits a byte, the lowest first.
    fn put_number(&mut self, number: i128) {
        let mut left = ((number << 1) ^ (number >> 127)).cast_unsigned();
        loop {
            let byte = u8::try_from(left & 0x7f).unwrap_or(0);
            left >>= 7;
            if left == 0 {
                self.bytes.push(byte);
                return;
            }
            self.bytes.push(byte | 0x80);
        }
    }
}

/// The most zeros that all of them end with.
fn common_tens(numbers: &[i128]) -> u8 {
    let mut tens = TENS_MAX;
    for number in numbers.iter().filter(|number| **number != 0) {
        while tens > 0 && !is_multiple(*number, tens) {
            tens = tens.saturating_sub(1);
        }
    }
    if tens == TENS_MAX { 0 } else { tens }
}

fn is_multiple(number: i128, tens: u8) -> bool {
    let small = 10_i64.checked_pow(u32::from(tens));
    // Most figures are small, and a division of those costs a tenth.
    if let (Ok(number), Some(scale)) = (i64::try_from(number), small) {
        return number.checked_rem(scale) == Some(0);
    }
    let scale = TEN.checked_pow(u32::from(tens));
    scale.and_then(|scale| number.checked_rem(scale)) == Some(0)
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    /// A figure of each of `count` events.
    pub(super) fn take(&mut self, count: usize) -> Result<Vec<i128>, FormError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let form = self.byte()?;
        if form == SAME {
            return Ok(alloc::vec![self.number()?; count]);
        }
        if form != EACH && form != STEPS {
            return Err(FormError::Damaged);
        }
        let scale = TEN
            .checked_pow(u32::from(self.byte()?))
            .ok_or(FormError::Damaged)?;
        let mut numbers = Vec::with_capacity(count.min(self.bytes.len()));
        let mut last = 0_i128;
        for _ in 0..count {
            let number = self.number()?.wrapping_add(last);
            if form == STEPS {
                last = number;
            }
            numbers.push(number.checked_mul(scale).ok_or(FormError::Damaged)?);
        }
        Ok(numbers)
    }

    /// A figure of those of `count` events that have it.
    pub(super) fn take_optional(&mut self, count: usize) -> Result<Vec<Option<i128>>, FormError> {
        match self.byte()? {
            NONE => Ok(alloc::vec![None; count]),
            ALL => Ok(self.take(count)?.into_iter().map(Some).collect()),
            SOME => {
                let length = count.div_ceil(8);
                let (bits, rest) = self
                    .bytes
                    .split_at_checked(length)
                    .ok_or(FormError::Damaged)?;
                self.bytes = rest;
                let is_some = |place: usize| {
                    let byte = place.checked_div(8).and_then(|at| bits.get(at));
                    let bit = u32::try_from(place & 7)
                        .ok()
                        .and_then(|at| 1_u8.checked_shl(at));
                    byte.zip(bit).is_some_and(|(byte, bit)| byte & bit != 0)
                };
                let some = (0..count).filter(|place| is_some(*place)).count();
                let mut numbers = self.take(some)?.into_iter();
                let number = |place| is_some(place).then(|| numbers.next()).flatten();
                Ok((0..count).map(number).collect())
            }
            _ => Err(FormError::Damaged),
        }
    }

    fn byte(&mut self) -> Result<u8, FormError> {
        let (byte, rest) = self.bytes.split_first().ok_or(FormError::Damaged)?;
        self.bytes = rest;
        Ok(*byte)
    }

    fn number(&mut self) -> Result<i128, FormError> {
        let (mut number, mut shift) = (0_u128, 0_u32);
        loop {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            let moved = bits.checked_shl(shift).ok_or(FormError::Damaged)?;
            number |= moved;
            if byte & 0x80 == 0 {
                break;
            }
            shift = shift.saturating_add(7);
        }
        let half = (number >> 1).cast_signed();
        Ok(if number & 1 == 0 { half } else { !half })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = i128> {
        prop_oneof![
            any::<i128>(),
            -50_i128..50,
            (any::<i32>(), 0_u32..25).prop_map(
                |(small, tens)| i128::from(small).saturating_mul(10_i128.saturating_pow(tens))
            ),
        ]
    }

    proptest! {
        #[test]
        fn a_column_is_read_as_it_was_written(
            numbers in vec(number(), 0..40),
            optional in vec(proptest::option::of(number()), 0..40),
        ) {
            let mut writer = Writer::default();
            writer.put(&numbers);
            writer.put_steps(&numbers);
            writer.put_optional(&optional);
            let bytes = writer.into_bytes();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.take(numbers.len()), Ok(numbers.clone()));
            prop_assert_eq!(reader.take(numbers.len()), Ok(numbers));
            prop_assert_eq!(reader.take_optional(optional.len()), Ok(optional));
            prop_assert!(reader.is_at_end());
        }

        #[test]
        fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..60), count in 0_usize..50) {
            let mut reader = Reader::new(&bytes);
            while reader.take(count).is_ok() && reader.take_optional(count).is_ok() && count > 0 {}
        }
    }

    #[test]
    fn what_is_alike_is_stored_once_and_shared_zeros_not_at_all() {
        let size = |numbers: &[i128]| {
            let mut writer = Writer::default();
            writer.put_steps(numbers);
            writer.into_bytes().len()
        };
        assert_eq!(size(&[7; 1000]), 2);
        let hour = 1_795_000_000_000_000_000_i128;
        let seconds: Vec<i128> = (0..1000).map(|at| hour + at * 1_000_000_000).collect();
        assert!(size(&seconds) < 1020, "{}", size(&seconds));
    }
}
