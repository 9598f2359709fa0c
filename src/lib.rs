//! driftgate
