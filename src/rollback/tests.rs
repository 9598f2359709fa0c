mod laws;
mod table;
mod world;
