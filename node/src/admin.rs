//! The admin port: health, readiness, metrics. Plain HTTP, not for booking services.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

use crate::status::NodeState;
use crate::telemetry;

/// What the admin port serves.
#[derive(Clone)]
struct Admin {
    node: NodeState,
    recorder: Arc<PrometheusRecorder>,
}

/// `/healthz`: the process runs. `/readyz`: it can serve. `/metrics`: Prometheus text.
pub(crate) fn router(node: NodeState) -> Router {
    let recorder = Arc::new(PrometheusBuilder::new().build_recorder());
    metrics::with_local_recorder(&*recorder, telemetry::describe);
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
        .with_state(Admin { node, recorder })
}

async fn ready(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    if admin.node.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: draining, or a shard has no leader\n")
    }
}

/// The numbers are read where they are kept, when somebody asks.
async fn metrics_text(State(admin): State<Admin>) -> String {
    let (reading, traffic) = (admin.node.reading().await, &admin.node.traffic);
    metrics::with_local_recorder(&*admin.recorder, || {
        reading.publish(traffic);
        reading.overloads(traffic);
    });
    let mut text = admin.recorder.handle().render();
    reading.write_histograms(traffic, &mut text);
    text
}
