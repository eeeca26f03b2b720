//! `start` and `end`: half-open, by any of their names.

use super::{five, listed};
use crate::given::{pointers, refused};
use tollgate_tests::TestApp;

#[tokio::test]
async fn ranges_are_half_open() {
    let app = TestApp::new().await;
    five(&app).await;
    for (query, expected) in [
        ("start=2026-11-22T07:00:00Z", "a b c d e"),
        ("start=2026-11-22T07:00:00.000000001Z", "b c d e"),
        ("end=2026-11-22T09:00:00Z", "a b"),
        ("end=2026-11-22T09:00:00.000000001Z", "a b c d"),
        ("start=2026-11-22T07:30:00Z&end=2026-11-22T09:00:00Z", "b"),
        (
            "start=2026-11-22T09:00:00Z&end=2026-11-22T09:00:00.000000001Z",
            "c d",
        ),
        (
            "start_date=2026-11-22T07:30:00Z&end_date=2026-11-22T09:00:00Z",
            "b",
        ),
        (
            "start=2026-11-22T08:30:00+01:00&end=2026-11-22T10:00:00%2B01:00",
            "b",
        ),
        ("start=2026-11-22", "a b c d e"),
        ("end=2026-11-22", ""),
        ("start_date=2026-11-22&end_date=2026-11-23", "a b c d e"),
        ("start=2026-11-23", ""),
    ] {
        assert_eq!(listed(&app, query).await, expected, "{query}");
        let summary = app
            .get(&format!("/usage/summary?tenant_id=acme&{query}"))
            .await
            .expect(200);
        assert_eq!(
            summary.at("/total_events"),
            expected.split_whitespace().count(),
            "{query}"
        );
        let totals = app.get(&format!("/usage/acme?{query}")).await.expect(200);
        assert_eq!(
            totals.at("/total_events"),
            expected.split_whitespace().count(),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_range_that_does_not_end_after_its_start_is_refused_everywhere() {
    let app = TestApp::new().await;
    for path in [
        "/usage?tenant_id=acme&",
        "/usage/summary?tenant_id=acme&",
        "/usage/acme?",
        "/billing/acme?",
    ] {
        for query in [
            "start=2026-11-22&end=2026-11-21",
            "start=2026-11-22&end=2026-11-22",
            "start_date=2026-11-22T10:00:00.000000001Z&end_date=2026-11-22T10:00:00Z",
        ] {
            let problem = refused(
                &app.get(&format!("{path}{query}")).await,
                400,
                "invalid_request",
            );
            assert_eq!(pointers(&problem), "?start");
        }
        let both = refused(
            &app.get(&format!("{path}start=2026-11-21&start_date=2026-11-22"))
                .await,
            400,
            "invalid_request",
        );
        assert_eq!(pointers(&both), "?start_date");
        refused(
            &app.get(&format!("{path}since=2026-11-21")).await,
            400,
            "invalid_request",
        );
    }
}

#[tokio::test]
async fn a_range_that_starts_after_the_usual_end_is_empty_and_not_backwards() {
    let app = TestApp::new().await;
    five(&app).await;
    for path in ["/usage/acme", "/billing/acme"] {
        let reply = app
            .get(&format!("{path}?start=2027-01-15"))
            .await
            .expect(200);
        let period = ["/period_start", "/period_end"].map(|at| reply.at(at));
        assert_eq!(
            period,
            ["2027-01-15T00:00:00Z", "2027-01-15T00:00:00Z"],
            "{path}"
        );
        assert_eq!(reply.at("/total_events"), 0);
    }
}
