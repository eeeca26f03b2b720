//! How use stands to its limits.

use tollgate_core::Amount;

/// A share in hundredths of a percent.
const WHOLE: i128 = 10_000;

/// How near to its limits a feature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    /// Far, or without limits.
    Ok,
    /// At the threshold of the soft limit, or of the hard one where there is no soft one.
    Approaching,
    /// At the soft limit or above.
    Soft,
    /// At the hard limit or above.
    Hard,
}

/// From which share of a limit on it is approached, in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Threshold(i128);

impl Status {
    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Approaching => "approaching",
            Self::Soft => "soft_limit_exceeded",
            Self::Hard => "hard_limit_exceeded",
        }
    }

    /// Whether someone should look.
    pub(super) fn is_warning(self) -> bool {
        self != Self::Ok
    }

    /// How `used` stands to its limits.
    pub(super) fn of(
        used: Amount,
        soft: Option<Amount>,
        hard: Option<Amount>,
        threshold: Threshold,
    ) -> Self {
        if hard.is_some_and(|hard| used >= hard) {
            return Self::Hard;
        }
        if soft.is_some_and(|soft| used >= soft) {
            return Self::Soft;
        }
        let near = |limit: Amount| {
            used.units().saturating_mul(WHOLE) >= limit.units().saturating_mul(threshold.0)
        };
        if soft.or(hard).is_some_and(near) {
            Self::Approaching
        } else {
            Self::Ok
        }
    }
}

impl Threshold {
    /// From a decimal above 0 and at most 1.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const RULE: &str = "must be above 0 and at most 1, with four decimals at most, such as 0.8";
        let share: Amount = text.parse().map_err(|_| RULE)?;
        let one = Amount::whole(1).map_or(1, Amount::units);
        let hundredths = share.units().checked_div(one / WHOLE).unwrap_or(0);
        let is_exact = share.units() == hundredths.saturating_mul(one / WHOLE);
        if is_exact && (1..=WHOLE).contains(&hundredths) {
            Ok(Self(hundredths))
        } else {
            Err(RULE)
        }
    }

    /// As a decimal.
    pub(super) fn decimal(self) -> String {
        let digits = format!("{}.{:04}", self.0 / WHOLE, self.0 % WHOLE);
        digits
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_string()
    }
}

/// What is left up to `limit`, never below 0.
pub(super) fn remaining(used: Amount, limit: Amount) -> Amount {
    limit
        .checked_sub(used)
        .filter(|left| left.units() >= 0)
        .unwrap_or(Amount::ZERO)
}

/// `used` as a percentage of `limit`, rounded half-even to two decimals; none
/// of a limit of 0. Less than nothing, as after refunds, is nothing.
pub(super) fn percent(used: Amount, limit: Amount) -> Option<String> {
    let limit = Some(limit.units()).filter(|limit| *limit > 0)?;
    let scaled = used.units().max(0).checked_mul(WHOLE)?;
    let (quotient, rest) = (scaled / limit, scaled % limit);
    let is_up = match rest.cmp(&(limit - rest)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 == 1,
        std::cmp::Ordering::Greater => true,
    };
    let hundredths = quotient + i128::from(is_up);
    Some(format!("{}.{:02}", hundredths / 100, hundredths % 100))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(number: u64) -> Amount {
        Amount::whole(number).unwrap()
    }

    fn standing(
        used: u64,
        soft: Option<u64>,
        hard: Option<u64>,
        threshold: &str,
    ) -> (&'static str, Vec<Option<String>>) {
        let [soft, hard] = [soft, hard].map(|limit| limit.map(whole));
        let status = Status::of(
            whole(used),
            soft,
            hard,
            Threshold::parse(threshold).unwrap(),
        );
        let figure = |limit: Option<Amount>| {
            [
                limit.map(|limit| remaining(whole(used), limit).to_string()),
                limit.and_then(|limit| percent(whole(used), limit)),
            ]
        };
        (status.as_str(), [figure(soft), figure(hard)].concat())
    }

    type Row = (
        u64,
        Option<u64>,
        Option<u64>,
        &'static str,
        &'static str,
        [&'static str; 4],
    );

    /// Claims the standing and the figures of each row.
    fn stands(rows: &[Row]) {
        let cell = |cell: &str| Some(cell.to_string()).filter(|cell| !cell.is_empty());
        for (used, soft, hard, threshold, status, figures) in rows {
            assert_eq!(
                standing(*used, *soft, *hard, threshold),
                (*status, figures.map(cell).to_vec()),
                "{used} of {soft:?}/{hard:?}"
            );
        }
    }

    #[test]
    fn use_stands_to_its_limits_as_in_the_guardrails() {
        // G13, G14, G17.
        stands(&[
            (
                55,
                Some(60),
                Some(100),
                "0.5",
                "approaching",
                ["5", "91.67", "45", "55.00"],
            ),
            (
                1500,
                Some(1000),
                Some(2000),
                "0.8",
                "soft_limit_exceeded",
                ["0", "150.00", "500", "75.00"],
            ),
            (
                0,
                None,
                Some(0),
                "0.8",
                "hard_limit_exceeded",
                ["", "", "0", ""],
            ),
            (
                0,
                Some(0),
                None,
                "0.8",
                "soft_limit_exceeded",
                ["0", "", "", ""],
            ),
        ]);
    }

    #[test]
    fn a_limit_is_passed_at_itself_and_approached_from_the_threshold_on() {
        // At a limit, at the threshold, just below it.
        stands(&[
            (
                100,
                Some(60),
                Some(100),
                "0.8",
                "hard_limit_exceeded",
                ["0", "166.67", "0", "100.00"],
            ),
            (
                60,
                Some(60),
                Some(100),
                "0.8",
                "soft_limit_exceeded",
                ["0", "100.00", "40", "60.00"],
            ),
            (
                48,
                Some(60),
                Some(100),
                "0.8",
                "approaching",
                ["12", "80.00", "52", "48.00"],
            ),
            (
                47,
                Some(60),
                Some(100),
                "0.8",
                "ok",
                ["13", "78.33", "53", "47.00"],
            ),
            (
                80,
                None,
                Some(100),
                "0.8",
                "approaching",
                ["", "", "20", "80.00"],
            ),
            (9, None, None, "0.0001", "ok", ["", "", "", ""]),
        ]);
    }

    #[test]
    fn a_percentage_is_rounded_half_even() {
        for (used, of, shown) in [
            (1, 16_000, "0.01"),
            (1, 20_000, "0.00"),
            (3, 20_000, "0.02"),
            (2, 3, "66.67"),
            (1, 3, "33.33"),
        ] {
            assert_eq!(percent(whole(used), whole(of)).as_deref(), Some(shown));
        }
        assert_eq!(
            percent("0.05".parse().unwrap(), "0.2".parse().unwrap()).as_deref(),
            Some("25.00")
        );
    }

    #[test]
    fn a_threshold_is_a_share() {
        for (text, shown) in [
            ("0.8", "0.8"),
            ("1", "1"),
            ("1.0", "1"),
            ("0.0001", "0.0001"),
        ] {
            assert_eq!(Threshold::parse(text).unwrap().decimal(), shown);
        }
        for text in ["0", "1.2", "-0.5", "1.0001", "0.00001", "80%", ""] {
            assert!(Threshold::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn more_use_is_never_a_better_standing(
            used in 0..2000_u64,
            more in 0..500_u64,
            soft in proptest::option::of(0..1500_u64),
            hard in proptest::option::of(0..1500_u64),
        ) {
            let near = Threshold::parse("0.8").unwrap();
            let (soft, hard) = (soft.map(whole), hard.map(whole));
            let status = |used: u64| Status::of(whole(used), soft, hard, near);
            prop_assert!(status(used) <= status(used + more));
        }
    }
}
