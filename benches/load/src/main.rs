//! `countersign-load upstream ADDRESS`: answers 200 to everything, as cheaply as it can.
//! `countersign-load run`: reads a plan as JSON from standard input, runs it on one thread, prints what it measured.

mod connection;
mod plan;
mod run;
mod upstream;

use std::error::Error;
use std::io::Read as _;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["upstream", address] => runtime.block_on(upstream::serve(address)),
        ["run"] => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            let plan = serde_json::from_str(&text)?;
            let measured = runtime.block_on(tokio::task::LocalSet::new().run_until(run::run(plan)))?;
            println!("{}", serde_json::to_string(&measured)?);
            Ok(())
        }
        _ => Err("usage: countersign-load upstream ADDRESS | run < plan.json".into()),
    }
}
