//! What the end-to-end tests share: a cluster, a database of its own for each test, a daemon process.
