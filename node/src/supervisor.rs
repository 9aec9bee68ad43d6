//! The root of the node's actors. When a shard's actor dies, the node stops: its memory is only right
//! together with its log, and a restart of the process rebuilds both.

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::mpsc;
use tracing::error;

/// The supervisor of all shard actors.
pub(crate) struct Supervisor;

impl Actor for Supervisor {
    type Msg = ();
    type State = mpsc::Sender<String>;
    type Arguments = mpsc::Sender<String>;

    async fn pre_start(
        &self,
        _myself: ActorRef<()>,
        failures: mpsc::Sender<String>,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(failures)
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        event: SupervisionEvent,
        failures: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(actor, why) = event {
            let why = format!("actor {} failed: {why}", actor.get_id());
            error!(why, "a shard's actor failed");
            // When the queue is full, the node is about to stop for an earlier failure.
            let _ = failures.try_send(why);
        }
        Ok(())
    }
}
