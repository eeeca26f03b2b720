//! A small agent that meters itself.
//!
//! ```sh
//! tollgate serve --memory                       # prints an operator's key
//! TOLLGATE_KEY=… cargo run -p tollgate-recorder --example agent
//! ```
//!
//! `TOLLGATE_URL` is where the API is (http://127.0.0.1:8085), `TOLLGATE_KEY`
//! the key, and `TOLLGATE_TENANT` the tenant (`acme`); it is empty for a key
//! that is a tenant's own. The key needs the scopes `ingest` and `read`.

use futures::{StreamExt, stream};
use std::env;
use std::error::Error;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tollgate_core::{Attributes, GenAi, Name, Quantities, Reported, Span};
use tollgate_recorder::{DEFAULT_HASH, HttpTransport, Outcome, Recorder, Settings, Task, Usage};

/// Where the API is, who asks, and for whom.
struct Api {
    url: String,
    key: String,
    tenant: Option<Name>,
}

/// A model's answer and what it took.
struct Completion {
    text: &'static str,
    tokens_in: u64,
    tokens_out: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("the tool refused")]
struct ToolError;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let api = Api::from_environment()?;
    let transport = HttpTransport::new(&api.url, &api.key)?;
    let recorder = Recorder::start(
        transport,
        Settings {
            tenant: api.tenant.clone(),
            ..Settings::default()
        },
    )?;

    plan(&recorder).await?;
    search(&recorder).await?;
    give_up(&recorder).await?;
    write(&recorder).await?;
    remember(&recorder).await;

    let undelivered = recorder.shutdown(Some(Duration::from_secs(10))).await;
    let stats = recorder.stats();
    println!("recorded   {} events", stats.accepted);
    println!(
        "delivered  {}, dropped {}, rejected {:?}",
        stats.delivered, stats.dropped, stats.rejected_by
    );
    for event in &undelivered {
        println!("not delivered: {}", event.body());
    }
    println!("totals     {}", api.summary().await?);
    if undelivered.is_empty() {
        Ok(())
    } else {
        Err("some events were not delivered".into())
    }
}

/// A model is called, and answers.
async fn plan(recorder: &Recorder) -> Result<(), Box<dyn Error>> {
    let model = async {
        sleep(Duration::from_millis(40)).await;
        Ok::<_, ToolError>(Completion {
            text: "search, then write",
            tokens_in: 1200,
            tokens_out: 30,
        })
    };
    let read = |result: Result<&Completion, &ToolError>| {
        let (tokens_in, tokens_out) =
            result.map_or((0, 0), |answer| (answer.tokens_in, answer.tokens_out));
        Some(Usage::from(Quantities {
            tokens_in,
            tokens_out,
            api_calls: 1,
            ..Quantities::default()
        }))
    };
    let answer = recorder.call(of_model("plan")?, model, read).await?;
    println!("plan       {}", answer.text);
    Ok(())
}

/// A tool is called three times through a wrapped handler, and fails once.
async fn search(recorder: &Recorder) -> Result<(), Box<dyn Error>> {
    let session = Name::new("session-1")?;
    let (server, tool) = (Name::new("web")?, Name::new("search")?);
    let describe = move |_: &&str| {
        let (tool_server, tool_name) = (Some(server.clone()), Some(tool.clone()));
        Some(Task {
            session: Some(session.clone()),
            tool_server,
            tool_name,
            ..Task::default()
        })
    };
    let read = |_: Result<&usize, &ToolError>| {
        Some(Usage::from(Quantities {
            api_calls: 1,
            ..Quantities::default()
        }))
    };
    let search = recorder.handler(look_up, describe, read);
    for query in ["tolls", "", "gates"] {
        match search(query).await {
            Ok(hits) => println!("search     `{query}` has {hits} hits"),
            Err(error) => println!("search     `{query}` failed: {error}"),
        }
    }
    Ok(())
}

async fn look_up(query: &str) -> Result<usize, ToolError> {
    sleep(Duration::from_millis(5)).await;
    if query.is_empty() {
        Err(ToolError)
    } else {
        Ok(query.len())
    }
}

/// A model is called that takes too long, so the call is cancelled.
async fn give_up(recorder: &Recorder) -> Result<(), Box<dyn Error>> {
    let model = async {
        sleep(Duration::from_secs(60)).await;
        Ok::<_, ToolError>(())
    };
    let call = recorder.call(of_model("ponder")?, model, |_| Some(Usage::default()));
    let is_late = timeout(Duration::from_millis(30), call).await.is_err();
    println!("ponder     {}", if is_late { "cancelled" } else { "done" });
    Ok(())
}

/// A model streams its answer, three tokens at a time.
async fn write(recorder: &Recorder) -> Result<(), Box<dyn Error>> {
    let chunks = stream::iter(["A toll is ", "paid at ", "the gate."]);
    let metered = recorder.stream(of_model("write")?, chunks, |_, usage: &mut Usage| {
        usage.quantities.tokens_in = 300;
        usage.quantities.tokens_out = usage.quantities.tokens_out.saturating_add(3);
    });
    println!("write      {}", metered.collect::<String>().await);
    Ok(())
}

/// A call that something else made and traced is recorded from its span. Its
/// model has no price on the built-in card, so it goes as an `agent_task`.
async fn remember(recorder: &Recorder) {
    let attributes: Attributes<'_> = [
        ("gen_ai.provider.name", Reported::Text("anthropic")),
        ("gen_ai.agent.name", Reported::Text("Scribe of the Gate")),
        ("gen_ai.usage.input_tokens", Reported::Integer(20)),
        (
            "gen_ai.usage.cache_read.input_tokens",
            Reported::Integer(1000),
        ),
        ("gen_ai.usage.output_tokens", Reported::Integer(5)),
    ]
    .into_iter()
    .collect();
    let span = GenAi::read(&Span::default(), &attributes);
    println!(
        "remember   {} tokens in, {} of them cached",
        span.tokens_in, span.cached_tokens_in
    );
    let running = recorder.begin(Task {
        agent: span.agent.clone(),
        ..Task::default()
    });
    running.finish(Outcome::Success, Usage::from(&span)).await;
}

fn of_model(step: &str) -> Result<Task, Box<dyn Error>> {
    let (agent, session) = (Some(Name::new("writer")?), Some(Name::new("session-1")?));
    Ok(Task {
        agent,
        session,
        task: Some(Name::new(step)?),
        model: Some(Name::new("fake-1")?),
        ..Task::default()
    })
}

impl Api {
    fn from_environment() -> Result<Self, Box<dyn Error>> {
        let url = env::var("TOLLGATE_URL").unwrap_or_else(|_| "http://127.0.0.1:8085".to_owned());
        let key = env::var("TOLLGATE_KEY")
            .map_err(|_| "set TOLLGATE_KEY; `tollgate serve` prints one")?;
        let tenant = env::var("TOLLGATE_TENANT").unwrap_or_else(|_| "acme".to_owned());
        let tenant = if tenant.is_empty() {
            None
        } else {
            Some(Name::in_path(&tenant)?)
        };
        Ok(Self { url, key, tenant })
    }

    /// What the server says was used so far.
    async fn summary(&self) -> Result<String, Box<dyn Error>> {
        let tenant = self
            .tenant
            .as_ref()
            .map(|tenant| format!("?tenant_id={tenant}"))
            .unwrap_or_default();
        let client = reqwest::Client::builder().build()?;
        let request = client.get(format!(
            "{}/usage/summary{tenant}",
            self.url.trim_end_matches('/')
        ));
        let reply = request
            .bearer_auth(&self.key)
            .header("x-constitutional-hash", DEFAULT_HASH)
            .send()
            .await?;
        Ok(reply.text().await?)
    }
}
