//! What has to be true when every client has its answer.

use crate::act::{Act, Answer, TENANT, Used, beginning_at, name, question};
use crate::ledger::Ledger;
use crate::play::Play;
use tollgate_core::{Closing, Hold, HoldState, table};
use tollgate_service::Store;

/// Judges the end of a schedule; requests without an answer are asked again,
/// and then it is judged once more.
///
/// # Errors
/// What is wrong.
pub(crate) async fn judge(play: &Play<'_>) -> Result<(), String> {
    let told = play.answers().ok_or("somebody waits for ever")?;
    Ledger::balanced_in(&play.memory, TENANT).await;
    once_each(play, &told)?;
    let mut settled = told.clone();
    for (client, answer) in settled.iter_mut().enumerate() {
        if *answer == Answer::Unavailable {
            *answer = play.ask_again(client).await;
            if *answer == Answer::Unavailable {
                return Err(format!(
                    "client {client} is not answered though nothing fails"
                ));
            }
        }
    }
    let ledger = Ledger::balanced_in(&play.memory, TENANT).await;
    let mut recorded: Vec<&str> = events(play, &settled)
        .filter(|(_, answer)| holds(answer))
        .map(|((id, _), _)| id)
        .collect();
    for ((id, tokens), answer) in events(play, &settled) {
        let stands = ledger
            .events
            .get(id)
            .map(|booked| booked.stored.event.quantities.tokens_in);
        match answer {
            Answer::Done | Answer::Replayed if stands != Some(tokens) => {
                return Err(format!("`{id}` is acknowledged, and {stands:?} stands"));
            }
            Answer::Denied | Answer::Closed if stands.is_some() && !recorded.contains(&id) => {
                return Err(format!("`{id}` is refused, and stands"));
            }
            _ => {}
        }
    }
    recorded.sort_unstable();
    recorded.dedup();
    let before = play
        .protocol
        .before
        .iter()
        .flat_map(recorded_by)
        .map(|(id, _)| id);
    let expected = before.filter(|id| !recorded.contains(id)).count() + recorded.len();
    if ledger.len() != expected {
        return Err(format!(
            "{} events stand, {expected} are acknowledged",
            ledger.len()
        ));
    }
    for (client, answer) in play.protocol.clients.iter().zip(&settled) {
        end_of_hold(play, client.act, client.seconds, answer).await?;
        if let Act::Key(idempotency_key) = client.act {
            one_key(play, &told, idempotency_key).await?;
        }
    }
    Ok(())
}

fn holds(answer: &Answer) -> bool {
    matches!(answer, Answer::Done | Answer::Replayed)
}

/// The events that an act records.
fn recorded_by(act: &Act) -> &[Used] {
    match act {
        Act::Capture(used) => std::slice::from_ref(used),
        Act::Hold(_) => &[],
        other => other.asked(),
    }
}

/// The events that were to be recorded, and what was said of each.
fn events<'a>(
    play: &'a Play<'_>,
    answers: &'a [Answer],
) -> impl Iterator<Item = (Used, &'a Answer)> {
    let each = play.protocol.clients.iter().zip(answers);
    each.flat_map(|(client, answer)| recorded_by(&client.act).iter().copied().zip(answer.each()))
}

/// An event is told to be recorded at most once, and exactly once where all are
/// answered and it stands.
fn once_each(play: &Play<'_>, told: &[Answer]) -> Result<(), String> {
    for ((id, _), _) in events(play, told) {
        let all: Vec<&Answer> = events(play, told)
            .filter(|((other, _), _)| *other == id)
            .map(|(_, answer)| answer)
            .collect();
        let count = |wanted: &Answer| all.iter().filter(|answer| **answer == wanted).count();
        let (done, replayed, unanswered) = (
            count(&Answer::Done),
            count(&Answer::Replayed),
            told.contains(&Answer::Unavailable),
        );
        if done > 1 || (done == 0 && replayed > 0 && !unanswered) {
            return Err(format!(
                "`{id}` is told to be recorded {done} times, and {replayed} times before"
            ));
        }
    }
    Ok(())
}

/// Under one idempotency key one key was made, and the stored answer says which;
/// at most one client is told that it made it.
async fn one_key(play: &Play<'_>, told: &[Answer], idempotency_key: &str) -> Result<(), String> {
    let items = play.memory.dump();
    let keys: Vec<&str> = items
        .keys()
        .filter_map(|key| key.pk.strip_prefix("K|"))
        .collect();
    let service = play.alone();
    let stored = service.find_answer(&question(idempotency_key)).await;
    let stored = stored.map_err(|why| why.to_string())?;
    let answer = stored.as_ref().map(|stored| stored.body.as_str());
    if keys.len() != 1 || answer != keys.first().copied() {
        return Err(format!("the keys {keys:?} stand, and {answer:?} is told"));
    }
    let makers = told.iter().filter(|answer| **answer == Answer::Done);
    match makers.count() {
        0 | 1 => Ok(()),
        makers => Err(format!("{makers} clients are told to have made a key")),
    }
}

/// Of capture, release and expiry exactly one ended a hold, and everyone was
/// told so.
async fn end_of_hold(
    play: &Play<'_>,
    act: Act,
    seconds: i64,
    answer: &Answer,
) -> Result<(), String> {
    let id = match act {
        Act::Hold((id, _)) | Act::Capture((id, _)) | Act::Release(id) | Act::Extend(id, _) => {
            Some(id)
        }
        Act::Expire => play.protocol.before.iter().find_map(|act| {
            if let Act::Hold((id, _)) = act {
                Some(*id)
            } else {
                None
            }
        }),
        Act::Record(_)
        | Act::Batch(_)
        | Act::Seal(..)
        | Act::Limit(_)
        | Act::Key(_)
        | Act::Grant(..)
        | Act::CheckThenRecord(_) => None,
    };
    let Some(id) = id else { return Ok(()) };
    let item = play
        .memory
        .read(&[table::hold(&name(TENANT), &name(id))])
        .await
        .expect("an item")
        .remove(0);
    let hold = item.map(|attrs| Hold::from_attrs(&attrs).expect("a hold"));
    let Some(hold) = hold else {
        let fits = matches!(act, Act::Hold(_)) && *answer == Answer::Denied;
        return if fits {
            Ok(())
        } else {
            Err(format!("{act:?} is told {answer:?}, and there is no hold"))
        };
    };
    let now = beginning_at().plus_seconds(seconds);
    let listed = table::holding(&name(TENANT));
    if hold.closing.is_none() && !play.memory.dump().contains_key(&listed) {
        return Err(format!("hold `{id}` is open, and the tenant on no list"));
    }
    // As stored: its time alone ends nothing.
    let state = if hold.closing.is_none() {
        HoldState::Open
    } else {
        hold.state(now)
    };
    let fits = match (act, answer) {
        (Act::Capture(_), Answer::Done | Answer::Replayed) | (Act::Release(_), Answer::Closed) => {
            state == HoldState::Captured
        }
        (Act::Capture(_) | Act::Extend(..), Answer::Closed) => state != HoldState::Open,
        (Act::Release(_), Answer::Done) => {
            // Found over; it may be captured afterwards all the same.
            let is_late = matches!(hold.closing, Some(Closing::Captured { late: true, .. }));
            matches!(state, HoldState::Released | HoldState::Expired) || is_late
        }
        (Act::Hold(_), Answer::Denied) => false,
        (Act::Expire, _) => state != HoldState::Open || hold.expires > now,
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        Err(format!(
            "{act:?} is told {answer:?}, and hold `{id}` is {state:?}"
        ))
    }
}
