//! What is kept on disk: SQLite and PostgreSQL behind the engines' ports, one file an aggregate.
