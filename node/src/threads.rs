//! The threads that replicate: their own, so that nodes hear each other in time whatever clients do.
//!
//! With one runtime for everything, a heartbeat waited behind every shard and every connection that had
//! something to do. In an overload that took longer than an election timeout: leaders were deposed for
//! nothing, and what a node could have served it did not.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::Poll;

use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime of openraft and of the links between nodes. Its threads end when this is dropped.
pub(crate) struct ReplicationThreads(Option<Runtime>);

impl ReplicationThreads {
    /// Starts half as many threads as the runtime has that this is called on, at least one.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub(crate) fn start() -> io::Result<Self> {
        let threads = Handle::current().metrics().num_workers().div_ceil(2);
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(threads).thread_name("replication").enable_all();
        builder.build().map(|runtime| Self(Some(runtime)))
    }

    /// Where to spawn.
    pub(crate) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it is there until it is dropped").handle()
    }

    /// Does some work in a way that everything that it spawns is spawned here.
    pub(crate) async fn within<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        std::future::poll_fn(|cx| -> Poll<T> {
            let _here = self.handle().enter();
            work.as_mut().poll(cx)
        })
        .await
    }
}

impl Drop for ReplicationThreads {
    fn drop(&mut self) {
        // A runtime may not wait for its end within another.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
