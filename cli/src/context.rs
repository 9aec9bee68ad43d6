//! What every command works with.

use std::time::Duration;

use client_sdk::{Client, Options};
use serde::Serialize;

use crate::args::Global;
use crate::failure::Failure;
use crate::output::{Output, Show};

/// How to reach the cluster, and how to talk to the user.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) endpoints: Vec<String>,
    pub(crate) output: Output,
    pub(crate) timeout: Duration,
}

impl From<Global> for Context {
    fn from(Global { endpoints, output, timeout }: Global) -> Self {
        Self { endpoints, output, timeout }
    }
}

impl Context {
    /// Connects with the ordinary settings.
    pub(crate) async fn client(&self) -> Result<Client, Failure> {
        self.client_with(Options::default()).await
    }

    /// Connects with settings of one's own, but for the deadline, which is the user's.
    pub(crate) async fn client_with(&self, options: Options) -> Result<Client, Failure> {
        let client = Client::connect(&self.endpoints, options.deadline(self.timeout)).await;
        client.map_err(|error| {
            let asked = format!("asked {}", self.endpoints.join(", "));
            Failure::from(error).hint(format!("{asked}; is a cluster running? see --endpoints"))
        })
    }

    /// Writes a result to standard output.
    pub(crate) fn print<T: Show + Serialize>(&self, result: &T) -> Result<(), Failure> {
        self.output.print(result)
    }
}
