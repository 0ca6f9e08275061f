//! Behaviour against a real API server.
