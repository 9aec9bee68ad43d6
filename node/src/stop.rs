//! When a node's process is told to stop.

use std::io::Read as _;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Completes on SIGTERM, on SIGINT, and when standard input ends if that counts: then no orphan outlives
/// its parent.
pub async fn told_to_stop(until_stdin_ends: bool) {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
        () = stdin_ended(until_stdin_ends) => {}
    }
}

/// A thread of its own waits for the end of standard input. A read of the runtime would keep the process
/// from ending for as long as its parent lives, after SIGTERM too.
async fn stdin_ended(counts: bool) {
    let (tell, ended) = oneshot::channel();
    let wait = move || {
        let (mut stdin, mut byte) = (std::io::stdin(), [0]);
        while matches!(stdin.read(&mut byte), Ok(1..)) {}
        // Nobody listens any more: then the node is stopping already.
        let _ = tell.send(());
    };
    let thread = std::thread::Builder::new().name("stdin".to_owned());
    if !counts || thread.spawn(wait).is_err() || ended.await.is_err() {
        std::future::pending().await
    }
}
