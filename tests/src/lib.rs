//! What the black-box tests share: clients of the programs under test. Nothing here knows the code of Carillon.

pub mod simulator;
