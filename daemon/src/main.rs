//! automationd: claims executions, walks their graphs, performs their nodes, writes results back.
#![allow(dead_code)]

mod database;
mod egress;
mod engine;
mod nodes;
mod queue;
mod settings;

fn main() {}
