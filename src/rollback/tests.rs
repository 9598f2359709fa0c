mod laws;
mod modes;
mod table;
mod world;
