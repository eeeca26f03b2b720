//! Random amounts, prices and events, drawn so that edges come up often.

use crate::given::name;
use crate::oracle::{Exact, power_of_ten, ratio};
use num_bigint::BigInt;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use tollgate_core::{
    Amount, Component, CounterKey, Dimensions, DiscountMode, Event, Factor, Figure, Instant, Name,
    Operation, Posting, Price, QUANTITY_MAX, Quantities, Scope, VolumeDiscount, WindowKind,
};

/// Any amount.
pub(crate) fn amount() -> impl Strategy<Value = Amount> {
    let most = 10_i128.pow(38) - 1;
    prop_oneof![
        3 => (-1000_i128..1000).prop_map(|n| n * 5_000_000_000_000_000),
        2 => -10_i128.pow(20)..10_i128.pow(20),
        1 => -most..=most,
        1 => (0_i128..10).prop_map(move |less| most - less),
    ]
    .prop_map(|units| Amount::from_units(units).unwrap())
}

/// Decimal text, plain or scientific, and its exact value.
pub(crate) fn decimal_text() -> impl Strategy<Value = (String, Exact)> {
    let digits = prop_oneof![3 => "[1-9][0-9]{0,15}", 1 => "0|[1-9][0-9]{0,30}", 1 => "[1-9][0-9]{0,5}0{0,24}"];
    let fraction = prop_oneof![Just(String::new()), "[0-9]{1,6}", "[0-9]{12,20}"];
    let exponent = option::of(prop_oneof![-20_i32..20, -60_i32..=60]);
    (any::<bool>(), digits, fraction, exponent, any::<bool>()).prop_map(
        |(negative, whole, fraction, exponent, upper)| {
            let sign = if negative { "-" } else { "" };
            let point = if fraction.is_empty() { "" } else { "." };
            let e = if upper { "E" } else { "e" };
            let power = exponent.map_or(String::new(), |exponent| format!("{e}{exponent}"));
            let integer: BigInt = format!("{sign}{whole}{fraction}").parse().unwrap();
            let shift = exponent.unwrap_or(0) - i32::try_from(fraction.len()).unwrap();
            let scale = ratio(power_of_ten(shift.unsigned_abs()), 1);
            let exact = if shift < 0 {
                ratio(integer, 1) / scale
            } else {
                ratio(integer, 1) * scale
            };
            (format!("{sign}{whole}{point}{fraction}{power}"), exact)
        },
    )
}

/// A price of at most 15 fraction digits for up to 2^53 - 1.
pub(crate) fn price() -> impl Strategy<Value = Price> {
    let known = prop_oneof![
        Just("0.0000025"),
        Just("37.5e-12"),
        Just("1e-15"),
        Just("0.05"),
        Just("2.50"),
        Just("0"),
    ];
    let amount = prop_oneof![
        3 => known.prop_map(|text| text.parse().unwrap()),
        3 => (0_i128..10_i128.pow(9), 0_u32..=15).prop_map(|(n, digits)| Amount::from_units(n * 10_i128.pow(18 - digits)).unwrap()),
        1 => (0_i128..10_i128.pow(35)).prop_map(|n| Amount::from_units(n * 1000).unwrap()),
    ];
    let per = prop_oneof![
        3 => Just(1),
        2 => (0_u32..=9).prop_map(|zeros| 10_u64.pow(zeros)),
        2 => 1_u64..20,
        1 => Just(3_600_000),
        1 => Just(999_999_937),
        2 => 1..=Price::PER_MAX,
    ];
    (amount, per).prop_map(|(amount, per)| Price { amount, per })
}

pub(crate) fn factor() -> impl Strategy<Value = Factor> {
    let thousandths = prop_oneof![
        3 => prop_oneof![Just(1000_i128), Just(1500), Just(3000), Just(2000)],
        2 => 0_i128..10_000,
        1 => 0_i128..=1_000_000_000,
    ];
    thousandths.prop_map(|n| Factor::new(Amount::from_units(n * 10_i128.pow(15)).unwrap()).unwrap())
}

pub(crate) fn component() -> impl Strategy<Value = Component> {
    proptest::sample::select(Component::ALL.as_slice())
}

/// Prices of up to `components` components.
pub(crate) fn operation(components: usize) -> impl Strategy<Value = Operation> {
    btree_map(component(), price(), 0..=components).prop_map(|prices| Operation {
        prices,
        ..Operation::default()
    })
}

/// Discounts ascending by `from`, all below `from_max`.
pub(crate) fn discounts(from_max: u64) -> impl Strategy<Value = Vec<VolumeDiscount>> {
    let part = prop_oneof![3 => (0_i128..=100).prop_map(|n| n * 10_i128.pow(16)), 1 => (0_i128..=1000).prop_map(|n| n * 10_i128.pow(15))];
    btree_map(0..from_max, part, 0..4).prop_map(|steps| {
        let step = |(from, part)| VolumeDiscount {
            from,
            discount: Amount::from_units(part).unwrap(),
        };
        steps.into_iter().map(step).collect()
    })
}

pub(crate) fn discount_mode() -> impl Strategy<Value = DiscountMode> {
    prop_oneof![Just(DiscountMode::Graduated), Just(DiscountMode::Volume)]
}

fn quantity() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => 0_u64..100,
        2 => 0_u64..10_000_000,
        1 => 0..=QUANTITY_MAX,
        1 => Just(QUANTITY_MAX),
    ]
}

/// A whole, and how it is cut into parts and a rest.
fn whole<const PARTS: usize>() -> impl Strategy<Value = (u64, [u64; PARTS])> {
    let cuts = proptest::array::uniform::<_, PARTS>(option::weighted(0.4, any::<u64>()));
    (quantity(), cuts).prop_map(|(whole, cuts)| {
        let mut left = whole;
        let parts = cuts.map(|cut| {
            let part = cut.map_or(0, |cut| cut % (left + 1));
            left -= part;
            part
        });
        (whole, parts)
    })
}

pub(crate) fn quantities() -> impl Strategy<Value = Quantities> {
    let alone = proptest::array::uniform9(quantity());
    (alone, whole::<7>(), whole::<3>()).prop_map(|(alone, (tokens_in, ins), (tokens_out, outs))| {
        let [
            units,
            tokens_processed,
            api_calls,
            searches,
            images,
            pages,
            characters,
            data_bytes,
            duration_ms,
        ] = alone;
        Quantities {
            units,
            tokens_in,
            cached_tokens_in: ins[0],
            cache_write_tokens_in: ins[1],
            cache_write_1h_tokens_in: ins[2],
            audio_tokens_in: ins[3],
            cached_audio_tokens_in: ins[4],
            image_tokens_in: ins[5],
            video_tokens_in: ins[6],
            tokens_out,
            reasoning_tokens_out: outs[0],
            audio_tokens_out: outs[1],
            image_tokens_out: outs[2],
            tokens_processed,
            api_calls,
            searches,
            images,
            pages,
            characters,
            data_bytes,
            duration_ms,
        }
    })
}

/// Any name that the contract allows, short ones more often.
fn any_name() -> impl Strategy<Value = Name> {
    let text = prop_oneof![4 => "[a-c]", 2 => "[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,20}", 1 => "[A-Za-z0-9][A-Za-z0-9._:@/+-]{127}"];
    text.prop_map(|text| name(&text))
}

/// Any time that can be told, usual ones more often.
pub(crate) fn instant() -> impl Strategy<Value = Instant> {
    let nanos = prop_oneof![
        4 => (1_795_000_000_i128..1_795_020_000).prop_map(|seconds| seconds * 1_000_000_000),
        2 => 0_i128..4_000_000_000_000_000_000,
        1 => -377_705_023_201_000_000_000_i128..253_402_207_200_999_999_999,
    ];
    nanos.prop_map(|nanos| jiff::Timestamp::from_nanosecond(nanos).unwrap().into())
}

fn dimensions() -> impl Strategy<Value = Dimensions> {
    let maybe = || option::of(any_name());
    (
        any_name(),
        any_name(),
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        vec(any_name(), 0..4),
    )
        .prop_map(
            |(
                operation,
                tier,
                agent,
                consumer,
                session,
                tool_server,
                tool_name,
                model,
                node,
                path,
            )| {
                Dimensions {
                    operation,
                    tier,
                    agent,
                    consumer,
                    session,
                    tool_server,
                    tool_name,
                    model,
                    node,
                    path,
                }
            },
        )
}

/// An amount that may be a sum's part a million times over.
pub(crate) fn modest_amount() -> impl Strategy<Value = Amount> {
    prop_oneof![Just(0), 0..10_i128.pow(18), 0..10_i128.pow(30)]
        .prop_map(|units| Amount::from_units(units).unwrap())
}

/// Any event that the contract allows, its sums within range.
pub(crate) fn any_event() -> impl Strategy<Value = Event> {
    let measured = (
        option::of(modest_amount()),
        (0_i128..=1000).prop_map(|n| n * 10_i128.pow(15)),
    );
    let names = (any_name(), option::of(any_name()), option::of(any_name()));
    let given = (option::of(modest_amount()), option::of("\\PC{0,40}"));
    (
        names,
        instant(),
        dimensions(),
        quantities(),
        measured,
        given,
    )
        .prop_map(
            |(
                (id, task, provider),
                timestamp,
                dimensions,
                quantities,
                (latency_ms, score),
                (cost_override, metadata),
            )| Event {
                id,
                timestamp,
                dimensions,
                quantities,
                task,
                provider,
                latency_ms,
                compliance_score: Amount::from_units(score).unwrap(),
                cost_override,
                metadata,
            },
        )
}

/// What an event took of some sources of credit.
pub(crate) fn draws() -> impl Strategy<Value = Vec<Posting>> {
    let draw = ("[a-c]", instant(), 1_i128..10_i128.pow(33));
    let posting = |(source, at, amount): (String, Instant, i128)| {
        let counter = CounterKey {
            scope: Scope::Credit,
            scope_id: source.as_str().into(),
            window: WindowKind::Period.holding(at),
        };
        Posting::used(counter, Figure::credit(), amount)
    };
    vec(draw.prop_map(posting), 0..4)
}

/// A list cut into parts, each at most `most` long.
pub(crate) fn cuts(most: usize) -> impl Strategy<Value = Vec<usize>> {
    vec(1..=most, 1..8)
}

/// `list` cut into parts as long as `cuts` say, over and over.
pub(crate) fn cut<T: Clone>(list: &[T], cuts: &[usize]) -> Vec<Vec<T>> {
    let mut rest = list;
    let mut parts = Vec::new();
    for length in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (part, after) = rest.split_at(rest.len().min(*length));
        parts.push(part.to_vec());
        rest = after;
    }
    parts
}
