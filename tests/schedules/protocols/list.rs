//! The protocols by name, and with how many faults each is searched.

use crate::act::{Act, Bounds, Parts, TTL_SECONDS};
use crate::naive::CHECK_THEN_RECORD;
use crate::play::{Client, Processes, Protocol};

const fn hard(hard: i128) -> Bounds {
    Bounds {
        soft: None,
        hard: Some(hard),
    }
}

const fn client(alike: usize, act: Act) -> Client {
    Client {
        act,
        seconds: 0,
        alike,
    }
}

/// A client whose clock is so many seconds past the expiry of hold `h`.
const fn after_expiry(alike: usize, seconds: i64, act: Act) -> Client {
    Client {
        act,
        seconds: TTL_SECONDS as i64 + seconds,
        alike,
    }
}

/// The tenant is known.
const KNOWN: &[Act] = &[Act::Record(("b", 20))];
/// It is prepaid: the first grant does not cover two events.
const PREPAID: &[Act] = &[
    Act::Grant("g1", 60),
    Act::Grant("g2", 80),
    Act::Record(("b", 20)),
];
const HELD: &[Act] = &[Act::Record(("b", 20)), Act::Hold(("h", 100))];
const CAPTURE: Client = after_expiry(0, -1, Act::Capture(("h", 70)));
const CAPTURE_MORE: Client = after_expiry(1, -2, Act::Capture(("h", 140)));
const RELEASE: Client = after_expiry(2, -1, Act::Release("h"));
const EXTEND: Client = after_expiry(3, -1, Act::Extend("h", 900));
const EXPIRE: Client = after_expiry(4, 0, Act::Expire);
/// Fits only where `h` is over or used little.
const TAKE: Client = after_expiry(5, 5, Act::Hold(("i", 50)));
/// Of these one fits where `h` is over.
const TAKE_MUCH: [Client; 2] = [
    after_expiry(6, 5, Act::Hold(("i", 70))),
    after_expiry(6, 5, Act::Hold(("j", 70))),
];

/// Two of three fit.
const RECORDS: &[Client] = &[
    client(0, Act::Record(("e0", 50))),
    client(0, Act::Record(("e1", 50))),
    client(0, Act::Record(("e2", 50))),
];
const TWINS: &[Client] = &[
    client(0, Act::Record(("e0", 70))),
    client(0, Act::Record(("e0", 70))),
    client(1, Act::Record(("e1", 70))),
];
const BATCHES: &[Client] = &[
    client(0, Act::Batch(&[("e0", 50), ("e1", 50)])),
    client(1, Act::Batch(&[("e1", 50), ("e2", 50)])),
    client(2, Act::Batch(&[("e2", 50), ("e0", 50)])),
];
/// Both of its events fit, or one of them beside the other event.
const SEALED: &[Client] = &[
    client(0, Act::Seal("s", &[("s~0", 50), ("s~1", 50)], Parts::One)),
    client(0, Act::Seal("s", &[("s~0", 50), ("s~1", 50)], Parts::One)),
    client(1, Act::Record(("e2", 50))),
];
/// The same in two transactions.
const SEALED_IN_PARTS: &[Client] = &[
    client(0, Act::Seal("s", &[("s~0", 50), ("s~1", 50)], Parts::Each)),
    client(0, Act::Seal("s", &[("s~0", 50), ("s~1", 50)], Parts::Each)),
];
const HOLDS: &[Client] = &[
    client(0, Act::Hold(("h0", 50))),
    client(0, Act::Hold(("h1", 50))),
    client(0, Act::Hold(("h2", 50))),
];
/// Of holds that are the first of their process one fits.
const FIRST_HOLD: &[Client] = &[
    client(0, Act::Hold(("h0", 70))),
    client(0, Act::Hold(("h1", 70))),
];
const HOLD_AND_RECORD: &[Client] = &[
    client(0, Act::Hold(("h0", 50))),
    client(1, Act::Record(("e0", 50))),
    client(1, Act::Record(("e1", 50))),
];
const LOWERED: &[Client] = &[
    client(0, Act::Limit(hard(80))),
    client(1, Act::Record(("e0", 50))),
    client(1, Act::Record(("e1", 50))),
];
const RAISED: &[Client] = &[
    client(0, Act::Limit(hard(180))),
    client(1, Act::Record(("e0", 70))),
    client(1, Act::Record(("e1", 70))),
];

/// A key is made once, and shown once.
const KEYS: &[Client] = &[
    client(0, Act::Key("k")),
    client(0, Act::Key("k")),
    client(0, Act::Key("k")),
];

const fn protocol(name: &'static str, clients: &'static [Client]) -> Protocol {
    Protocol {
        name,
        limit: hard(140),
        before: KNOWN,
        clients,
        processes: Processes::Each,
        is_torn: false,
    }
}

const fn held(name: &'static str, clients: &'static [Client]) -> Protocol {
    Protocol {
        before: HELD,
        ..protocol(name, clients)
    }
}

const fn together(protocol: Protocol) -> Protocol {
    Protocol {
        processes: Processes::One,
        ..protocol
    }
}

const fn new(protocol: Protocol) -> Protocol {
    Protocol {
        processes: Processes::New,
        ..protocol
    }
}

const fn shared(protocol: Protocol) -> Protocol {
    Protocol {
        processes: Processes::Shared,
        ..protocol
    }
}

/// Each protocol, and the most faults of its schedules.
const PROTOCOLS: &[(Protocol, usize)] = &[
    (protocol("record", RECORDS), 2),
    (
        Protocol {
            limit: Bounds {
                soft: Some(10),
                hard: Some(140),
            },
            ..protocol("record past a soft limit", RECORDS)
        },
        2,
    ),
    (
        Protocol {
            limit: hard(120),
            before: &[],
            ..new(protocol("first use", RECORDS))
        },
        0,
    ),
    (protocol("twins", TWINS), 2),
    (protocol("batch", BATCHES), 2),
    (
        Protocol {
            limit: hard(220),
            ..protocol("batch with room", BATCHES)
        },
        2,
    ),
    (protocol("sealed", SEALED), 1),
    (
        Protocol {
            limit: hard(100),
            ..protocol("sealed in parts", SEALED_IN_PARTS)
        },
        1,
    ),
    (protocol("hold", HOLDS), 1),
    (new(protocol("first hold", FIRST_HOLD)), 1),
    (protocol("hold and record", HOLD_AND_RECORD), 1),
    (
        Protocol {
            before: PREPAID,
            ..protocol("credit spent", RECORDS)
        },
        1,
    ),
    (
        Protocol {
            before: PREPAID,
            ..protocol("credit held and spent", HOLD_AND_RECORD)
        },
        1,
    ),
    (protocol("one idempotency key", KEYS), 1),
    (held("capture and expiry", &[CAPTURE, EXPIRE]), 2),
    (
        held("capture, release and expiry", &[CAPTURE, RELEASE, EXPIRE]),
        2,
    ),
    (
        held("release and two expiries", &[RELEASE, EXPIRE, EXPIRE]),
        2,
    ),
    (
        held("two captures and expiry", &[CAPTURE, CAPTURE_MORE, EXPIRE]),
        1,
    ),
    (
        held("capture, extension and expiry", &[CAPTURE, EXTEND, EXPIRE]),
        2,
    ),
    (held("capture and take", &[CAPTURE, TAKE]), 2),
    (
        held(
            "expiry and two takes",
            &[EXPIRE, TAKE_MUCH[0], TAKE_MUCH[1]],
        ),
        1,
    ),
    (shared(protocol("limit lowered", LOWERED)), 1),
    (shared(protocol("limit raised", RAISED)), 1),
    (
        together(protocol("limit lowered in one process", LOWERED)),
        1,
    ),
    (together(protocol("limit raised in one process", RAISED)), 1),
    (together(protocol("record in one process", RECORDS)), 1),
    (
        together(held(
            "capture and release in one process",
            &[CAPTURE, RELEASE],
        )),
        1,
    ),
];

/// The protocol of that name, and the most faults of its schedules.
pub(super) fn named(name: &str) -> (Protocol, usize) {
    let more = [(CHECK_THEN_RECORD, 0)];
    let found = PROTOCOLS
        .iter()
        .chain(&more)
        .find(|(protocol, _)| protocol.name == name);
    *found.unwrap_or_else(|| panic!("no protocol is named `{name}`"))
}
