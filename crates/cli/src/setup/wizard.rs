//! The questions, in their order.

use super::check::{Check, codes, limit};
use super::draft::{Allowed, Draft};
use super::source::Source;
use crate::failure::Failure;
use crate::output::grouped;
use crate::presets::{Dimension, Limits, Preset};
use std::path::Path;
use tollgate_core::{Name, SoftMode};

/// Someone who answers.
pub(super) trait Ask {
    /// Yes or no.
    fn truth(&mut self, question: &str, help: &str, usual: bool) -> Result<bool, Failure>;
    /// A text that passes `check`.
    fn text(
        &mut self,
        question: &str,
        help: &str,
        usual: &str,
        check: Check,
    ) -> Result<String, Failure>;
    /// The place of one of the options.
    fn one(&mut self, question: &str, options: &[&str], usual: usize) -> Result<usize, Failure>;
    /// The places of some of the options, one at least.
    fn some(
        &mut self,
        question: &str,
        options: &[&str],
        usual: &[usize],
    ) -> Result<Vec<usize>, Failure>;
}

const MODES: [(SoftMode, &str); 2] = [
    (SoftMode::Warn, "warn: requests go through, with a warning"),
    (SoftMode::Block, "block: requests are refused"),
];

/// Asks for everything, with `usual` as the answers to begin with.
pub(super) fn ask(asker: &mut dyn Ask, source: &Source, usual: Draft) -> Result<Draft, Failure> {
    let help = "off writes enabled=false and keeps the plans of the file that is there";
    let enabled = asker.truth(
        "Limit what the tenants of a plan may use?",
        help,
        usual.enabled,
    )?;
    if !enabled {
        return Ok(Draft { enabled, ..usual });
    }
    let known = usual
        .plans
        .iter()
        .map(|plan| plan.code.as_str())
        .collect::<Vec<_>>()
        .join(",");
    let help = "codes between commas; starter and pro come with limits to begin with";
    let codes = codes(&asker.text("Plans", help, &known, Check::Codes)?).map_err(Failure::new)?;
    let dimensions = ask_dimensions(asker, &usual.dimensions)?;
    let modes = MODES.map(|(_, shown)| shown);
    let place = asker.one(
        "At a soft limit",
        &modes,
        usize::from(usual.mode == SoftMode::Block),
    )?;
    let mode = MODES.get(place).map_or(usual.mode, |(mode, _)| *mode);
    let currency = asker.text(
        "Currency of new plans",
        "ISO 4217, such as USD or EUR",
        usual.currency.code(),
        Check::Currency,
    )?;
    let currency = currency
        .trim()
        .parse()
        .map_err(|error| Failure::to("read the currency", error))?;
    let mut plans = Vec::new();
    for code in codes {
        let mut limits = Vec::new();
        for dimension in &dimensions {
            limits.push((
                *dimension,
                ask_limits(asker, &code, *dimension, source.limits(&code, *dimension))?,
            ));
        }
        plans.push(Allowed { code, limits });
    }
    let help = "file size, files and stores; clients see them, nobody counts them";
    let has_capacity = asker.truth(
        "Show vector storage capacity in every plan?",
        help,
        usual.has_capacity,
    )?;
    Ok(Draft {
        enabled,
        mode,
        currency,
        dimensions,
        has_capacity,
        plans,
    })
}

/// Whether to write, and to replace what is there.
pub(super) fn confirm(asker: &mut dyn Ask, present: &[&Path]) -> Result<bool, Failure> {
    if present.is_empty() {
        return asker.truth("Write this?", "two files, below `var`", true);
    }
    let names: Vec<String> = present
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    asker.truth(
        &format!("Replace {}?", names.join(" and ")),
        "what is there now is lost",
        false,
    )
}

fn ask_dimensions(asker: &mut dyn Ask, usual: &[Dimension]) -> Result<Vec<Dimension>, Failure> {
    let options = Dimension::ALL.map(Dimension::key);
    let places = Dimension::ALL
        .iter()
        .enumerate()
        .filter(|(_, dimension)| usual.contains(dimension))
        .map(|(place, _)| place);
    let chosen = asker.some("Meter", &options, &places.collect::<Vec<_>>())?;
    Ok(chosen
        .into_iter()
        .filter_map(|place| Dimension::ALL.get(place).copied())
        .collect())
}

fn ask_limits(
    asker: &mut dyn Ask,
    code: &Name,
    dimension: Dimension,
    usual: Limits,
) -> Result<Limits, Failure> {
    let preset = Preset::of(code.as_str()).map(|preset| preset.limits(dimension));
    let hint = |limit: Option<u64>| {
        limit
            .map(|limit| format!("; the preset has {}", grouped(limit)))
            .unwrap_or_default()
    };
    let text = |limit: Option<u64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    let mut read = |kind: &str, usual: Option<u64>, preset: Option<u64>, check: Check| {
        let help = format!(
            "{} in a period, a whole number; empty is no limit, 0 allows nothing{}",
            dimension.unit(),
            hint(preset)
        );
        let answer = asker.text(
            &format!("{code}: {kind} limit of {}", dimension.key()),
            &help,
            &text(usual),
            check,
        )?;
        limit(&answer).map_err(Failure::new)
    };
    let soft = read(
        "soft",
        usual.soft,
        preset.and_then(|preset| preset.soft),
        Check::Limit(None),
    )?;
    let hard = read(
        "hard",
        usual.hard,
        preset.and_then(|preset| preset.hard),
        Check::Limit(soft),
    )?;
    Ok(Limits { soft, hard })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers in turn, each to a question that contains its first part; what
    /// it does not know it takes as it stands.
    struct Script(Vec<(&'static str, &'static str)>);

    impl Script {
        fn answer(&mut self, question: &str) -> Option<&'static str> {
            let place = self
                .0
                .iter()
                .position(|(part, _)| question.contains(part))?;
            Some(self.0.remove(place).1)
        }
    }

    impl Ask for Script {
        fn truth(&mut self, question: &str, _: &str, usual: bool) -> Result<bool, Failure> {
            Ok(self
                .answer(question)
                .map_or(usual, |answer| answer == "yes"))
        }
        fn text(
            &mut self,
            question: &str,
            _: &str,
            usual: &str,
            check: Check,
        ) -> Result<String, Failure> {
            loop {
                let answer = self.answer(question).unwrap_or(usual);
                if check.fault(answer).is_none() {
                    return Ok(answer.to_string());
                }
            }
        }
        fn one(
            &mut self,
            question: &str,
            options: &[&str],
            usual: usize,
        ) -> Result<usize, Failure> {
            let answer = self.answer(question);
            Ok(answer
                .and_then(|answer| options.iter().position(|option| option.starts_with(answer)))
                .unwrap_or(usual))
        }
        fn some(
            &mut self,
            question: &str,
            options: &[&str],
            usual: &[usize],
        ) -> Result<Vec<usize>, Failure> {
            let answer = self.answer(question);
            let chosen = |answer: &str| {
                answer
                    .split(',')
                    .filter_map(|of| options.iter().position(|option| *option == of))
                    .collect()
            };
            Ok(answer.map_or(usual.to_vec(), chosen))
        }
    }

    fn run(answers: &[(&'static str, &'static str)]) -> (Draft, Script) {
        let source = Source {
            given: Vec::new(),
            environment: Box::new(|_| None),
            kept: None,
        };
        let usual = source.draft(false).unwrap();
        let mut script = Script(answers.to_vec());
        (ask(&mut script, &source, usual).unwrap(), script)
    }

    #[test]
    fn who_takes_every_answer_as_it_stands_has_the_presets() {
        let (draft, _) = run(&[]);
        let source = Source {
            given: Vec::new(),
            environment: Box::new(|_| None),
            kept: None,
        };
        assert_eq!(draft, source.draft(false).unwrap());
    }

    #[test]
    fn every_answer_is_in_what_comes_of_it() {
        let answers = [
            ("Plans", "starter,team"),
            ("Meter", "messages,output_tokens"),
            ("At a soft limit", "block"),
            ("Currency", "EUR"),
            ("starter: soft limit of messages", "180"),
            ("starter: hard limit of messages", "170"),
            ("starter: hard limit of messages", "190"),
            ("team: hard limit of output_tokens", "5000"),
            ("starter: soft limit of output_tokens", ""),
            ("capacity", "no"),
        ];
        let (draft, script) = run(&answers);
        assert_eq!(
            script.0,
            [],
            "every answer was asked for, the wrong one once more"
        );
        let limits = |plan: usize, dimension: usize| draft.plans[plan].limits[dimension].1;
        assert_eq!(
            limits(0, 0),
            Limits {
                soft: Some(180),
                hard: Some(190)
            }
        );
        assert_eq!(
            limits(0, 1),
            Limits {
                soft: None,
                hard: Some(100_000)
            }
        );
        assert_eq!(
            (limits(1, 0), limits(1, 1)),
            (
                Limits::default(),
                Limits {
                    soft: None,
                    hard: Some(5000)
                }
            )
        );
        assert_eq!(
            (draft.mode, draft.currency.code(), draft.has_capacity),
            (SoftMode::Block, "EUR", false)
        );
        assert_eq!(
            draft.dimensions,
            [Dimension::Messages, Dimension::OutputTokens]
        );
    }

    #[test]
    fn who_wants_none_is_asked_nothing_more() {
        let (draft, script) = run(&[("Limit what", "no"), ("Plans", "pro")]);
        assert_eq!((draft.enabled, script.0.len()), (false, 1));
    }
}
