//! Closed loops: each connection asks again as soon as it was answered, until the time is over.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::spawn_local;

use crate::connection::{Connection, Target};
use crate::plan::{Keep, Plan, Step, Template};
use crate::upstream::find;

/// What was measured.
#[derive(Serialize)]
pub struct Measured {
    /// Rounds of all steps that ended well.
    rounds: u64,
    seconds: f64,
    /// What did not end well, and how often.
    failures: BTreeMap<String, u64>,
    /// Latency of a round in microseconds.
    p50: u32,
    p99: u32,
    worst: u32,
}

struct Shared {
    target: Target,
    steps: Vec<Prepared>,
    lines: Vec<String>,
    next_line: Cell<usize>,
    number: Cell<u64>,
    rounds: Cell<u64>,
    most: u64,
    end: Instant,
    reconnect: bool,
    latencies: RefCell<Vec<u32>>,
    failures: RefCell<BTreeMap<String, u64>>,
}

struct Prepared {
    head: Template,
    body: Option<Template>,
    expect: Vec<u16>,
    keep: Vec<(usize, Keep)>,
}

/// Runs a plan to its end.
pub async fn run(plan: Plan) -> Result<Measured, Box<dyn Error>> {
    let mut names: Vec<String> = plan.seeds.iter().map(|(name, _)| name.clone()).collect();
    for keep in plan.steps.iter().flat_map(|step| &step.keep) {
        if !names.contains(&keep.name) {
            names.push(keep.name.clone());
        }
    }
    let steps = plan.steps.iter().map(|step| prepare(step, &plan.host, &names)).collect();
    let seeds = plan.seeds.iter().map(|(_, file)| read_lines(file)).collect::<Result<Vec<_>, _>>()?;
    let began = Instant::now();
    let shared = Rc::new(Shared {
        target: Target::new(plan.address, plan.host, plan.tls.as_ref())?,
        steps,
        lines: plan.lines.as_deref().map(read_lines).transpose()?.unwrap_or_default(),
        next_line: Cell::new(plan.first_line),
        number: Cell::new(0),
        rounds: Cell::new(0),
        most: plan.most.unwrap_or(u64::MAX),
        end: began + Duration::from_secs_f64(plan.seconds),
        reconnect: plan.reconnect,
        latencies: RefCell::default(),
        failures: RefCell::default(),
    });
    let loops: Vec<_> = (0..plan.connections)
        .map(|place| {
            let mut values = vec![String::new(); names.len()];
            for (value, seed) in values.iter_mut().zip(&seeds) {
                *value = seed[place % seed.len()].clone();
            }
            spawn_local(ask(Rc::clone(&shared), values))
        })
        .collect();
    let mut last: Vec<Vec<String>> = Vec::new();
    for one in loops {
        // A server that does not answer at all must not hold us for ever.
        if let Ok(Ok(values)) =
            tokio::time::timeout_at((shared.end + Duration::from_secs(10)).into(), one).await
        {
            last.push(values);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    for (place, (_, file)) in plan.seeds.iter().enumerate() {
        let lines: Vec<&str> = last.iter().map(|values| values[place].as_str()).collect();
        fs::write(file, lines.join("\n") + "\n")?;
    }
    let mut latencies = shared.latencies.take();
    latencies.sort_unstable();
    let at =
        |part: f64| latencies.get(((latencies.len() as f64 - 1.0) * part) as usize).copied().unwrap_or(0);
    let measured = Measured {
        rounds: shared.rounds.get(),
        seconds,
        failures: shared.failures.take(),
        p50: at(0.5),
        p99: at(0.99),
        worst: at(1.0),
    };
    Ok(measured)
}

fn read_lines(file: &str) -> std::io::Result<Vec<String>> {
    Ok(fs::read_to_string(file)?.lines().map(str::to_owned).collect())
}

fn prepare(step: &Step, host: &str, names: &[String]) -> Prepared {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {host}\r\n", step.method, step.path);
    for (name, value) in &step.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let keep = step
        .keep
        .iter()
        .filter_map(|keep| Some((names.iter().position(|name| *name == keep.name)?, keep.clone())));
    Prepared {
        head: Template::new(&head, names),
        body: step.body.as_deref().map(|body| Template::new(body, names)),
        expect: step.expect.clone(),
        keep: keep.collect(),
    }
}

/// One connection's loop; the values it ended with.
async fn ask(shared: Rc<Shared>, mut values: Vec<String>) -> Vec<String> {
    let mut connection: Option<Connection> = None;
    let mut request = Vec::new();
    let mut body = Vec::new();
    while Instant::now() < shared.end && shared.rounds.get() < shared.most {
        let began = Instant::now();
        match round(&shared, &mut connection, &mut values, (&mut request, &mut body)).await {
            Ok(()) => {
                shared.rounds.set(shared.rounds.get() + 1);
                shared
                    .latencies
                    .borrow_mut()
                    .push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            Err(failure) => {
                *shared.failures.borrow_mut().entry(failure).or_default() += 1;
                connection = None;
                // Whoever refuses at once must not make this a busy loop.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        if shared.reconnect {
            connection = None;
        }
    }
    values
}

async fn round(
    shared: &Shared,
    connection: &mut Option<Connection>,
    values: &mut [String],
    (request, body): (&mut Vec<u8>, &mut Vec<u8>),
) -> Result<(), String> {
    for step in &shared.steps {
        let line =
            shared.lines.get(shared.next_line.get() % shared.lines.len().max(1)).map_or("", String::as_str);
        shared.next_line.set(shared.next_line.get() + 1);
        let number = shared.number.get();
        shared.number.set(number + 1);
        request.clear();
        step.head.fill(request, line, number, values);
        if let Some(template) = &step.body {
            body.clear();
            template.fill(body, line, number, values);
            request.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
            request.extend_from_slice(body);
        } else {
            request.extend_from_slice(b"\r\n");
        }
        let open = match connection {
            Some(open) => open,
            None => {
                connection.insert(shared.target.connect().await.map_err(|error| format!("connect: {error}"))?)
            }
        };
        let answer = open.ask(request).await.map_err(|error| error.to_string())?;
        if !step.expect.contains(&answer.status) {
            return Err(format!("status {}", answer.status));
        }
        for (place, keep) in &step.keep {
            let found =
                between(answer.text, keep).ok_or_else(|| format!("no {} in the answer", keep.name))?;
            values[*place] = String::from_utf8_lossy(found).into_owned();
        }
        if answer.last {
            *connection = None;
        }
    }
    Ok(())
}

fn between<'a>(text: &'a [u8], keep: &Keep) -> Option<&'a [u8]> {
    let from = find(text, keep.after.as_bytes())? + keep.after.len();
    // The end may be any of these letters.
    let length = text[from..]
        .iter()
        .position(|byte| keep.until.as_bytes().contains(byte))
        .unwrap_or(text.len() - from);
    Some(&text[from..from + length])
}
