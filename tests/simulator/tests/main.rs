//! The simulator as its callers see it: the real program, over sockets.

mod counting;
mod gateway;
mod misbehaviour;
mod receipts;
mod receiver;
