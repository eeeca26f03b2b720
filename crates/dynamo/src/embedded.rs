//! The embedded DynamoDB: a SQLite file in this process, behind the same SDK.
//!
//! The SDK builds and reads the same requests and replies as against AWS; only
//! the last step, HTTP, is a function call.

use crate::schema::create_table;
use crate::store::Dynamo;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::actions::describe_time_to_live::DescribeTimeToLiveRequest;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use dynoxide::actions::update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest};
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use tollgate_core::table::TTL;
use tollgate_service::StoreError;

/// The name of the table in an embedded store.
pub const TABLE: &str = "tollgate";
const FILE: &str = "tollgate.db";

/// Opens the store in the folder `data`, made if need be, or in memory.
///
/// # Errors
/// [`StoreError::Broken`] when the file cannot be opened.
pub async fn open(data: Option<&Path>) -> Result<Dynamo, StoreError> {
    open_expiring(data).await.map(|(store, _)| store)
}

/// The same with what removes expired items, which DynamoDB does on its own.
///
/// # Errors
/// As [`open`].
pub async fn open_expiring(data: Option<&Path>) -> Result<(Dynamo, Expiry), StoreError> {
    let database = database(data)?;
    let store = Dynamo::new(client(database.clone()), TABLE);
    create_table(store.client(), TABLE).await?;
    let expiry = Expiry(database);
    expiry.enable()?;
    Ok((store, expiry))
}

/// Removes items whose time, in the attribute that the template names for it,
/// is over.
#[derive(Clone)]
pub struct Expiry(Database);

impl std::fmt::Debug for Expiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Expiry")
    }
}

impl Expiry {
    fn enable(&self) -> Result<(), StoreError> {
        let broken = |error: DynoxideError| StoreError::Broken(error.to_string());
        let described = self
            .0
            .describe_time_to_live(DescribeTimeToLiveRequest {
                table_name: TABLE.to_owned(),
            })
            .map_err(broken)?;
        if described.time_to_live_description.time_to_live_status == "ENABLED" {
            return Ok(());
        }
        let specification = TimeToLiveSpecification {
            attribute_name: TTL.to_owned(),
            enabled: true,
        };
        let request = UpdateTimeToLiveRequest {
            table_name: TABLE.to_owned(),
            time_to_live_specification: specification,
        };
        self.0
            .update_time_to_live(request)
            .map(drop)
            .map_err(broken)
    }

    /// Goes through the whole table once, others in between, and says how many
    /// items it removed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file cannot be written.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let database = self.0.clone();
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        let failed = |why: String| StoreError::Unavailable(why);
        swept
            .map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))
    }
}

fn database(data: Option<&Path>) -> Result<Database, StoreError> {
    let broken = |why: String| StoreError::Broken(why);
    let Some(folder) = data else {
        return Database::memory().map_err(|error| broken(error.to_string()));
    };
    std::fs::create_dir_all(folder)
        .map_err(|error| broken(format!("`{}`: {error}", folder.display())))?;
    let file = folder.join(FILE);
    Database::new(&file.to_string_lossy())
        .map_err(|error| broken(format!("`{}`: {error}", file.display())))
}

/// Serves the store in `data` over HTTP on `listener` until `stop`, as
/// DynamoDB's own interface, with the table made.
///
/// # Errors
/// [`StoreError::Broken`] when the file cannot be opened or the server fails.
pub async fn serve(
    data: Option<&Path>,
    listener: tokio::net::TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StoreError> {
    let database = database(data)?;
    create_table(&client(database.clone()), TABLE).await?;
    dynoxide::server::serve_with_shutdown(listener, database, stop)
        .await
        .map_err(StoreError::Broken)
}

fn client(database: Database) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(
            "embedded", "embedded", None, None, "embedded",
        ))
        .endpoint_url("http://embedded.invalid")
        .retry_config(crate::store::retries())
        .timeout_config(crate::store::timeouts())
        .http_client(SharedHttpClient::new(InProcess { database }))
        .build();
    Client::from_conf(config)
}

/// Answers the SDK's requests from a database in this process.
#[derive(Clone)]
struct InProcess {
    database: Database,
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let database = self.database.clone();
        let target = request
            .headers()
            .get("x-amz-target")
            .unwrap_or_default()
            .to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        HttpConnectorFuture::new(async move {
            let answer =
                tokio::task::spawn_blocking(move || answer(&database, &target, &body)).await;
            let (status, body) =
                answer.map_err(|error| ConnectorError::other(error.into(), None))?;
            let status = StatusCode::try_from(status)
                .map_err(|error| ConnectorError::other(error.into(), None))?;
            let mut response = HttpResponse::new(status, SdkBody::from(body));
            response
                .headers_mut()
                .insert("content-type", "application/x-amz-json-1.0");
            Ok(response)
        })
    }
}

fn answer(database: &Database, target: &str, body: &[u8]) -> (u16, String) {
    let result = match target.rsplit('.').next().unwrap_or_default() {
        "BatchGetItem" => run(body, |request| database.batch_get_item(request)),
        "TransactGetItems" => run(body, |request| database.transact_get_items(request)),
        "Query" => run(body, |request| database.query(request)),
        "TransactWriteItems" => run(body, |request| {
            database.transact_write_items(TransactWriteItemsRequest {
                // The SDK sends a token of its own; markers do its work, and the
                // database would look through all live tokens each time.
                client_request_token: None,
                ..request
            })
        }),
        "PutItem" => run(body, |request| database.put_item(request)),
        "UpdateItem" => run(body, |request| database.update_item(request)),
        "DeleteItem" => run(body, |request| database.delete_item(request)),
        "Scan" => run(body, |request| database.scan(request)),
        "CreateTable" => run(body, |request| database.create_table(request)),
        "DescribeTable" => run(body, |request| database.describe_table(request)),
        other => Err(DynoxideError::ValidationException(format!(
            "`{other}` is not used here"
        ))),
    };
    match result {
        Ok(body) => (200, body),
        Err(error) => (error.status_code(), error.to_json()),
    }
}

fn run<Q, A, F>(body: &[u8], operation: F) -> Result<String, DynoxideError>
where
    Q: DeserializeOwned,
    A: Serialize,
    F: FnOnce(Q) -> Result<A, DynoxideError>,
{
    let malformed =
        |error: serde_json::Error| DynoxideError::ValidationException(error.to_string());
    let request = serde_json::from_slice(body).map_err(malformed)?;
    serde_json::to_string(&operation(request)?).map_err(malformed)
}
