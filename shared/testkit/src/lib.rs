//! For tests: valid things to begin with, and tables of a test's own, made like those of the deployed stack.

pub mod build;
pub mod mortal;
pub mod stack;
pub mod stub;
pub mod watched;
