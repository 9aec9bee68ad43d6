//! A hold that cannot be forgotten.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::error::Error;
use crate::reply::{Confirmed, Done, Extended, Held};
use crate::request::{Confirm, Extend, Hold, Release};

/// A hold that gives its seats back when it is dropped without having been confirmed or released.
///
/// The release on drop runs in the background and is tried like any call; where even that fails, the hold
/// ends by itself at its expiry.
#[derive(Debug)]
#[must_use = "a guard that is dropped at once releases its hold at once"]
pub struct HoldGuard {
    client: Client,
    /// Absent once the hold is confirmed, released or kept.
    held: Option<Held>,
    runtime: Handle,
    extender: Option<JoinHandle<()>>,
}

impl Client {
    /// Holds named seats under a guard that releases them unless they are confirmed.
    ///
    /// The guard begins with the call: where the call itself is dropped before its answer has come, such as
    /// by a timeout of the caller's, what it may have held is released too.
    pub async fn hold_guarded(&self, request: Hold) -> Result<HoldGuard, Error> {
        let release = Release::new(&request.trip, request.id);
        let unanswered =
            Unanswered { client: self.clone(), runtime: Handle::current(), release: Some(release) };
        let held = self.hold(request).await;
        unanswered.answered();
        held.map(|held| self.guard(held))
    }

    /// Puts a hold under a guard. Must be called in a tokio runtime.
    pub fn guard(&self, held: Held) -> HoldGuard {
        let (client, runtime) = (self.clone(), Handle::current());
        HoldGuard { client, held: Some(held), runtime, extender: None }
    }
}

impl HoldGuard {
    /// What is held.
    #[must_use = "looking at a hold does nothing to it"]
    pub fn held(&self) -> &Held {
        self.held.as_ref().expect("only methods that take the guard end the hold")
    }

    /// Turns the hold into a booking.
    ///
    /// After an error the hold is left alone, not released: an unknown outcome may be a booking. Confirm it
    /// again by [`Client::confirm`], whose request is derived from the hold.
    pub async fn confirm(mut self) -> Result<Confirmed, Error> {
        let request = Confirm::from(self.held());
        self.stop_extending();
        let confirmed = self.client.confirm(request).await;
        self.held = None;
        confirmed
    }

    /// Gives the hold back, and waits until that is done.
    pub async fn release(mut self) -> Result<Done, Error> {
        let request = Release::from(self.held());
        self.stop_extending();
        let released = self.client.release(request).await?;
        self.held = None;
        Ok(released)
    }

    /// Gives the hold more time, counted from now.
    pub async fn extend(&mut self, ttl: Duration) -> Result<Extended, Error> {
        let held = self.held();
        let request = Extend::new(&held.trip, held.hold, ttl);
        let extended = self.client.extend(request).await?;
        self.held_mut().expires_at = extended.expires_at;
        Ok(extended)
    }

    /// Gives the hold a life of `ttl` again and again, at a third of it, as long as the guard lives. Ends
    /// by itself when the cluster refuses.
    pub fn auto_extend(mut self, ttl: Duration) -> Self {
        self.stop_extending();
        let (client, trip, hold) =
            (self.client.clone(), self.held().trip.clone(), self.held().hold);
        self.extender = Some(self.runtime.spawn(async move {
            loop {
                tokio::time::sleep(ttl / 3).await;
                match client.extend(Extend::new(&trip, hold, ttl)).await {
                    Err(Error::Refused(refusal)) => {
                        tracing::debug!(%hold, %refusal, "the hold is not extended any more");
                        return;
                    }
                    Err(error) => tracing::warn!(%hold, %error, "the hold could not be extended"),
                    Ok(_) => {}
                }
            }
        }));
        self
    }

    /// Lets the hold live on without the guard.
    #[must_use = "the hold is now yours to confirm or release"]
    pub fn into_held(mut self) -> Held {
        self.stop_extending();
        self.held.take().expect("only methods that take the guard end the hold")
    }

    fn held_mut(&mut self) -> &mut Held {
        self.held.as_mut().expect("only methods that take the guard end the hold")
    }

    fn stop_extending(&mut self) {
        if let Some(extender) = self.extender.take() {
            extender.abort();
        }
    }
}

impl Drop for HoldGuard {
    fn drop(&mut self) {
        self.stop_extending();
        if let Some(held) = self.held.take() {
            release_later(&self.runtime, &self.client, Release::from(&held));
        }
    }
}

/// A hold whose answer has not come yet.
struct Unanswered {
    client: Client,
    runtime: Handle,
    /// Absent once the answer has come.
    release: Option<Release>,
}

impl Unanswered {
    fn answered(mut self) {
        self.release = None;
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release_later(&self.runtime, &self.client, release);
        }
    }
}

fn release_later(runtime: &Handle, client: &Client, release: Release) {
    let (client, hold) = (client.clone(), release.hold);
    runtime.spawn(async move {
        if let Err(error) = client.release(release).await {
            tracing::warn!(%hold, %error, "a dropped hold could not be released");
        }
    });
}
