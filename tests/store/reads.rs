//! What questions cost, in read units as DynamoDB counts them.

use std::sync::Arc;
use tollgate_core::{Event, Mode, Name};
use tollgate_service::{Clock, Memory, Options, Submission, Tenancy};
use tollgate_tests::{Meter, Reads, TestApp};

const DAYS: usize = 20;

fn name(text: String) -> Name {
    Name::new(&text).expect("a name")
}

/// A tenant with so many events in each hour of many days, of the same few
/// agents, sessions and tasks, rolled up as far as hours are closed.
async fn app(events_an_hour: usize) -> (TestApp, Arc<Meter>) {
    let meter = Meter::around(Arc::new(Memory::default()));
    let app = TestApp::over(meter.clone(), Tenancy::Sole);
    app.clock.set("2026-11-01T00:00:00Z");
    let tenant = name("acme".to_owned());
    for hour in 0..DAYS * 24 {
        let event = |number: usize| {
            let index = hour * events_an_hour + number;
            let mut event = Event::new(
                name(format!("evt-{index}")),
                app.clock.now(),
                name("agent_message".to_owned()),
            );
            event.task = Some(name(format!("task-{}", index * 7 % 40)));
            event.dimensions.agent = Some(name(format!("agent-{}", index * 5 % 12)));
            event.dimensions.session = Some(name(format!("session-{}", index * 3 % 20)));
            Submission {
                event,
                timestamp_given: true,
            }
        };
        let options = Options {
            mode: Mode::Enforce,
            age_seconds_max: 3600,
        };
        app.service()
            .record(&tenant, (0..events_an_hour).map(event).collect(), options)
            .await
            .expect("recorded");
        app.clock.advance(3600);
        if hour % 6 == 5 {
            app.service().roll_up(&tenant).await.expect("a rollup");
        }
    }
    meter.take();
    (app, meter)
}

async fn cost(path: &str, (app, meter): &(TestApp, Arc<Meter>)) -> Reads {
    app.get(path).await.expect(200);
    meter.take()
}

#[tokio::test]
async fn ten_times_the_events_cost_hardly_more_to_ask_about() {
    let (few, many) = (app(2).await, app(20).await);
    for path in [
        "/usage/aggregate?tenant_id=acme&group_by=day",
        "/usage/aggregate?tenant_id=acme&group_by=month",
        "/usage/aggregate?tenant_id=acme&group_by=operation",
        "/usage/summary?tenant_id=acme",
        "/usage/agents?tenant_id=acme",
        "/usage/acme",
        "/billing/acme",
    ] {
        let (less, more) = (cost(path, &few).await, cost(path, &many).await);
        println!("{path}: {less:?}, then {more:?}");
        assert_eq!(less.calls, more.calls, "{path}");
        assert!(
            more.units * 2 <= less.units * 3,
            "{path}: {less:?} {more:?}"
        );
    }
}

#[tokio::test]
async fn only_open_hours_and_hours_that_the_range_cuts_are_read_event_by_event() {
    let app = app(3).await;
    // One page an hour. That of the open hour is always looked at.
    let table = [
        ("", 1),
        ("&start=2026-11-03&end=2026-11-10", 1),
        ("&start=2026-11-03T07:00:00Z&end=2026-11-10T22:00:00Z", 1),
        ("&start=2026-11-03T07:20:00Z&end=2026-11-10T22:00:00Z", 2),
        ("&start=2026-11-03T07:20:00Z&end=2026-11-10T22:59:00Z", 3),
        ("&start=2026-11-03T07:20:00Z&end=2026-11-03T07:40:00Z", 2),
    ];
    for (range, pages) in table {
        let read = cost(
            &format!("/usage/aggregate?tenant_id=acme&group_by=day{range}"),
            &app,
        )
        .await;
        assert_eq!(read.pages, pages, "{range}: {read:?}");
    }
}
