//! automationd: claims executions, walks their graphs, performs their nodes, writes results back.
#![allow(dead_code)]

mod backoff;
mod database;
mod definitions;
mod egress;
mod engine;
mod leases;
mod nodes;
mod queue;
mod settings;

fn main() {}
