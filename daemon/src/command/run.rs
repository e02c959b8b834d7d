//! `run`: claims and performs executions until told to stop.

use std::process::ExitCode;
use std::sync::Arc;

use super::CommandError;
use crate::database::connect::Connector;
use crate::database::pool::pool;
use crate::definitions::Definitions;
use crate::egress::Egress;
use crate::engine::Engine;
use crate::engine::groups::Groups;
use crate::engine::links::Links;
use crate::gathering::Gathering;
use crate::health::{Health, State};
use crate::http::hooks::Hooks;
use crate::http::resume::Resumes;
use crate::leases::Leases;
use crate::listen::Listener;
use crate::listen::proof::Proof;
use crate::mcp::ToolsChanged;
use crate::nodes::Services;
use crate::notified::Notified;
use crate::outcomes::Outcomes;
use crate::queue::Queue;
use crate::queue::giving_up::GivingUp;
use crate::settings::{Listen, Settings};
use crate::signing::Signing;
use crate::stop::Stop;
use crate::wake::Wake;
use crate::{backoff::Backoff, http, mcp, telemetry, worker};

/// Runs until SIGTERM or SIGINT.
pub async fn run(settings: Settings) -> Result<ExitCode, CommandError> {
    let stop = Stop::on_signals()?;
    let recorder = telemetry::metrics()?;
    let connector = Connector::new(&settings.database)?;
    let mut queue = queue(&connector, settings.connections)?;
    if let Some(at) = settings.abort_at_write {
        tracing::warn!(
            %at,
            "AUTOMATIOND_ABORT_AT_WRITE is set, which is for tests only: this daemon will abort itself"
        );
        queue = queue.aborting(at);
    }
    let (health, wake, leases) = (Health::default(), Wake::default(), Leases::new(settings.lease));
    let proof = Proof::default();
    let mut public_url = settings.public_url.as_ref().map(ToString::to_string);
    let (outcomes, tools_changed) = (Outcomes::new(queue.clone()), ToolsChanged::default());
    let signing = Arc::new(Signing::new(queue.clone()));
    let server = match settings.http {
        Some(address) => {
            let server = http::serve(
                address,
                http::Parts {
                    health: health.clone(),
                    recorder: recorder.clone(),
                    hooks: Some(Hooks::start(
                        queue.clone(),
                        signing.clone(),
                        outcomes.clone(),
                        settings.limits.clone(),
                    )),
                    resumes: Some(Resumes::new(queue.clone(), signing.clone())),
                    agents: Some(mcp::Parts {
                        queue: queue.clone(),
                        outcomes: outcomes.clone(),
                        changed: tools_changed.clone(),
                        public_url: settings.public_url.clone(),
                        stop: stop.clone(),
                    }),
                    public_url: settings.public_url.clone(),
                },
            )
            .await;
            let server = server.map_err(|why| CommandError::Http { address, why })?;
            let bound = server.address;
            let public_url = public_url.get_or_insert_with(|| format!("http://{bound}/"));
            tracing::info!(address = %bound, %public_url, "HTTP listens on http://{bound}");
            Some(server)
        }
        None => None,
    };
    refuse_superuser(&queue, &health, &settings, &stop).await?;
    let mut notified = None;
    let listening = match &settings.listen {
        Listen::At(url) => {
            let payloads = settings.accept_notify_payloads.then(|| {
                let (payloads, task) = Notified::start(queue.clone());
                notified = Some(task);
                payloads
            });
            let connector = Connector::new(url)?.named("automationd listener");
            let poll_interval = settings.poll_interval;
            let (wake, leases, health, proof) = (wake.clone(), leases.clone(), health.clone(), proof.clone());
            let listener = Listener {
                connector,
                wake,
                leases,
                outcomes: outcomes.clone(),
                payloads,
                tools_changed: tools_changed.clone(),
                health,
                proof,
                poll_interval,
            };
            Some(tokio::spawn(listener.run(stop.clone())))
        }
        Listen::None => {
            if settings.accept_notify_payloads {
                tracing::warn!("--accept-notify-payloads does nothing without --listen-database-url");
            }
            None
        }
    };
    let engine = Arc::new(Engine {
        queue: queue.clone(),
        groups: Groups::start(&queue, &Gathering::new(leases.clone())),
        definitions: Definitions::new(queue.clone(), settings.limits.graph()),
        services: Services {
            egress: Egress::new(settings.allow_hosts.clone()),
            limits: settings.limits.clone(),
        },
        links: Links::new(signing, public_url.as_deref()),
        poll_interval: settings.poll_interval,
    });
    let connector = connector.named("automationd heartbeat");
    let parts = worker::Parts {
        queue,
        engine,
        leases,
        wake,
        proof,
        health,
        connector,
        recorder,
    };
    worker::run(parts, &settings, stop).await;
    if let Some(listening) = listening {
        let _ = listening.await;
    }
    if let Some(notified) = notified {
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), notified).await;
    }
    if let Some(server) = server {
        server.end().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// Half of the connections for queue functions, half for database nodes.
pub fn queue(connector: &Connector, connections: usize) -> Result<Queue, CommandError> {
    let tenants = (connections / 2).max(1);
    let rest = connections.saturating_sub(tenants).max(1);
    Ok(Queue::new(
        pool(connector.clone(), rest)?,
        pool(connector.clone(), tenants)?,
        GivingUp::new(connector.tls()),
    ))
}

/// Asks the database who we are, as soon as it answers; a superuser, or one past row level security, is refused before anything is
/// claimed.
async fn refuse_superuser(
    queue: &Queue,
    health: &Health,
    settings: &Settings,
    stop: &Stop,
) -> Result<(), CommandError> {
    if settings.allow_superuser {
        return Ok(());
    }
    let mut backoff = Backoff::new(
        std::time::Duration::from_millis(200),
        std::time::Duration::from_secs(10).min(settings.lease),
    );
    while !stop.is_asked() {
        match queue.readiness().await {
            Ok(readiness) => {
                let refused = readiness.sees_everything().map(CommandError::Superuser);
                return refused.map_or(Ok(()), Err);
            }
            Err(error) => health.set(State::Waiting(explain(&error))),
        }
        tokio::select! {
            () = stop.asked() => {}
            () = backoff.wait() => {}
        }
    }
    Ok(())
}

/// The commonest reasons at a first start, with what to do about them.
pub fn explain(error: &crate::queue::QueueError) -> String {
    match error.sqlstate() {
        Some("3F000" | "42883") => {
            format!("the extension is not there: CREATE EXTENSION automations ({error})")
        }
        Some("42501") => format!("the login has no right: GRANT automations_daemon TO it ({error})"),
        Some("42P01") => format!("the tables are not there: SELECT automations.install() ({error})"),
        _ => error.to_string(),
    }
}
