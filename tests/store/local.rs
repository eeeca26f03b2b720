//! AWS's DynamoDB Local, as a child process for one test.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tollgate_dynamo::{Dynamo, create_table};

/// Names the folder that holds `DynamoDBLocal.jar` and `DynamoDBLocal_lib`.
pub(crate) const FOLDER: &str = "TOLLGATE_DYNAMODB_LOCAL";
/// How long a Java process on a busy machine may take to answer.
const STARTS_WITHIN: Duration = Duration::from_secs(90);
const ASKED_EVERY: Duration = Duration::from_millis(100);

/// The folder, if the environment names one.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER)
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
}

/// A running DynamoDB Local; killed when dropped.
pub(crate) struct Local {
    process: Child,
    port: u16,
}

impl Local {
    /// Starts one in memory on a free port of this machine alone.
    pub(crate) async fn start(folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a port")
            .port();
        let process = Command::new("java")
            .args([
                "-Djava.library.path=DynamoDBLocal_lib",
                "-jar",
                "DynamoDBLocal.jar",
                "-inMemory",
                "-port",
            ])
            .arg(port.to_string())
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{FOLDER} is set, but java does not run in {}: {error}",
                    folder.display()
                )
            });
        let mut local = Self { process, port };
        local.wait().await;
        local
    }

    async fn wait(&mut self) {
        let began = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port))
            .await
            .is_err()
        {
            if let Ok(Some(status)) = self.process.try_wait() {
                panic!("{FOLDER} is set, but DynamoDB Local ended with {status}");
            }
            assert!(
                began.elapsed() < STARTS_WITHIN,
                "{FOLDER} is set, but DynamoDB Local does not answer"
            );
            tokio::time::sleep(ASKED_EVERY).await;
        }
    }

    /// A new table.
    pub(crate) async fn store(&self, table: &str) -> Dynamo {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(
                "tollgatetests",
                "tollgatetests",
                None,
                None,
                "tests",
            ))
            .endpoint_url(format!("http://127.0.0.1:{}", self.port))
            .build();
        let store = Dynamo::new(Client::from_conf(config), table);
        create_table(store.client(), table).await.expect("a table");
        store
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
