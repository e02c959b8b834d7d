# The verbs of this project. Each does its own set-up, says what it does, and is quick when repeated.
#
#   make demo      build, start everything in a throwaway PostgreSQL, show leads going in and results coming out
#   make up        the same, and stays
#   make test      unit tests, tests inside PostgreSQL, end-to-end tests
#   make bench     measures, prints a table, writes target/bench/results.json (15 minutes)
#   make lint      formatting, clippy, SQL and dependency checks
#   make install   extension into the server of PG_CONFIG, daemon into target/release/automationd
#
# `make bench SECTION=latency` measures one section (or several: SECTION="floor latency"), SCALE=tiny|standard|full says
# how much there is of everything, ROUNDS=5 how often each thing is measured.
# PG_CONFIG chooses the server that is built for (default: PostgreSQL 15 of Debian, else the first pg_config).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# pgrx keeps what it knows about servers here, and not in anybody's ~/.pgrx.
export PGRX_HOME := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)/pgrx
ifdef PG_CONFIG
export PG_CONFIG
endif

.PHONY: help demo up test bench install lint

help:
	@sed -n 's/^#   make/  make/p' Makefile

demo up:
	@setup/install
	@setup/build install demo
	@setup/cluster run -- "$${CARGO_TARGET_DIR:-target}/release/demo" $@

test:
	@setup/install test
	@setup/test

bench:
	@setup/install
	@setup/bench $(SECTION) $(if $(SCALE),--scale $(SCALE)) $(if $(ROUNDS),--rounds $(ROUNDS))

install:
	@setup/install
	@setup/build install

lint:
	@setup/install
	@setup/lint
