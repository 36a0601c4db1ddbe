//! A store of its own for each test, the program over it, and a server that ends with the test.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use reqwest::{Client, Method, Response};
use serde_json::Value;
use tempfile::TempDir;

/// A store in a folder that goes with the test.
pub(crate) struct TestLab {
    folder: TempDir,
}

impl TestLab {
    pub(crate) fn new() -> Self {
        let lab = Self { folder: TempDir::new().unwrap() };
        let output = lab.run(&["init", lab.path().to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
        lab
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path()).env("USER", "ada").env("LAB_DIR", self.path().join(".lab"));
        command
    }

    /// The command with whatever came of it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The JSON of a command that must succeed.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The exit code and stderr of a command that must fail.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded: {}", text(&output.stdout));
        (output.status.code().unwrap(), text(&output.stderr))
    }

    /// A server over the store.
    pub(crate) fn serve(&self) -> Server {
        let mut child = self
            .command(&["serve", "--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        Server { child, url: ready["url"].as_str().unwrap().to_owned(), client: client() }
    }
}

fn client() -> Client {
    // The first test installs it; for the others it is there.
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::new()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A running server; killed with the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) client: Client,
}

impl Server {
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// The answer to a POST that must succeed.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let response = self.send(Method::POST, path, Some(body)).await;
        let status = response.status();
        let bytes = response.bytes().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {}", text(&bytes));
        if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() }
    }

    /// The answer to a GET that must succeed.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.send(Method::GET, path, None).await;
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap()
    }

    /// Status and body of a request that must be refused.
    pub(crate) async fn refused(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let response = self.send(method, path, body).await;
        let status = response.status().as_u16();
        assert!(status >= 400, "{path}: {status}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        (status, response.json().await.unwrap())
    }

    /// An experiment that takes runs, and its id.
    pub(crate) async fn experiment(&self, name: &str) -> String {
        let created = self.post("/api/v1/experiments", serde_json::json!({ "name": name })).await;
        let id = created["id"].as_str().unwrap().to_owned();
        let active = serde_json::json!({ "status": "active" });
        self.post(&format!("/api/v1/experiments/{id}/status"), active).await;
        id
    }

    /// A running run of an experiment, by id.
    pub(crate) async fn run(&self, experiment: &str, body: Value) -> String {
        let run = self.post(&format!("/api/v1/experiments/{experiment}/runs"), body).await;
        run["id"].as_str().unwrap().to_owned()
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// The exit code, once it has ended.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
