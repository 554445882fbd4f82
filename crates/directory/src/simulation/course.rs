//! What happens in a world, by chance: scenes one after the other, and in each who asks for what, and what goes wrong.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    acts::{Act, Edit, PATIENCE, perform},
    oracle::{Answer, Oracle, request_id},
    steps::Weather,
    world::{MACHINE, PEOPLE, Plan, World},
};

/// Those that are logged in to, the more often the sooner they are named.
const NAMES: [&str; 8] = ["ada", "ada", "ada", "bob", "bob", "cleo", MACHINE, "nemo"];

/// Milliseconds within which somebody is mostly let in.
const KNOWN: u64 = 250;
/// How often somebody asks when nothing goes wrong any more.
const TRIES: usize = 5;

/// How a world is to be. In each only some things go wrong, so that none hides another.
pub(super) fn plan(draw: &mut Rng) -> Plan {
    let is_shared = draw.u8(..5) > 0;
    let mut sometimes = |most: u32| if draw.bool() { draw.u32(1..=most) } else { 0 };
    let slow = sometimes(20);
    let (conflicts, losses, row_waits) = (sometimes(60), sometimes(15), sometimes(60));
    let weather =
        if is_shared { Weather { slow, conflicts, losses, row_waits } } else { Weather { slow, ..Weather::default() } };
    Plan {
        weather,
        is_shared,
        nodes: if is_shared { draw.usize(1..=3) } else { 1 },
        remember: Duration::from_secs(if draw.u8(..3) > 0 { 60 } else { 0 }),
        hash_workers: draw.usize(1..=2),
    }
}

/// What there may be in the scenes of a world, and how much of it.
#[derive(Debug, Clone, Copy)]
struct Script {
    scenes: usize,
    crashes: bool,
    pauses: bool,
    clocks: bool,
    administration: bool,
    laws: bool,
}

pub(super) struct Course {
    world: Arc<World>,
    oracle: Oracle,
    under_way: JoinSet<()>,
    script: Script,
    made: usize,
}

impl Course {
    pub(super) fn new(world: Arc<World>, oracle: Oracle) -> Self {
        let script = world.chance.draw(|draw| Script {
            scenes: draw.usize(3..=7),
            crashes: draw.bool(),
            pauses: draw.u8(..3) == 0,
            clocks: draw.u8(..3) == 0,
            administration: draw.u8(..3) > 0,
            laws: draw.bool(),
        });
        Self { world, oracle, under_way: JoinSet::new(), script, made: 0 }
    }

    /// All of it, from the first start to the last look.
    pub(super) async fn run(mut self) {
        self.start_all().await;
        for _ in 0..self.script.scenes {
            match self.draw(|d| d.u8(..10)) {
                0..5 => self.burst().await,
                5..8 => self.bustle().await,
                _ => self.pass_time().await,
            }
            if !self.oracle.look().is_sound() {
                return;
            }
        }
        self.settle().await;
    }

    fn draw<T>(&self, something: impl FnOnce(&mut Rng) -> T) -> T {
        self.world.chance.draw(something)
    }

    /// Another text at every call.
    fn new_text(&mut self, what: &str) -> String {
        self.made += 1;
        format!("{what} number {}", self.made)
    }

    /// Many at one account at once.
    async fn burst(&mut self) {
        let name = NAMES[self.draw(|d| d.usize(..NAMES.len()))];
        let (guesses, within) = (self.draw(|d| d.u64(1..14)), self.draw(|d| d.u64(1..300)));
        let mut acts = Vec::new();
        for _ in 0..guesses {
            let password = self.new_text("guess");
            acts.push(Act::Login { name: name.into(), password, console: false });
        }
        for _ in 0..self.draw(|d| d.usize(..4)) {
            acts.extend(self.right(name));
        }
        if self.script.administration && self.draw(|d| d.bool()) {
            acts.extend(self.administer(name));
        }
        self.draw(|d| d.shuffle(&mut acts));
        // Who has just been let in is remembered when the others come.
        let known: Vec<Act> = (0..self.draw(|d| d.u8(..4))).filter_map(|_| self.right(name)).collect();
        let before = if known.is_empty() { 0 } else { KNOWN };
        known.into_iter().for_each(|act| self.ask(act, 0));
        for act in acts {
            let delay = before + self.draw(|d| d.u64(..within));
            self.ask(act, delay);
        }
        self.disturb();
        if self.draw(|d| d.u8(..4)) > 0 {
            self.wait_for_all().await;
        }
    }

    /// This and that.
    async fn bustle(&mut self) {
        let within = self.draw(|d| d.u64(100..8_000));
        for _ in 0..self.draw(|d| d.usize(3..15)) {
            let name = NAMES[self.draw(|d| d.usize(..NAMES.len()))];
            let act = match self.draw(|d| d.u8(..20)) {
                0..6 => self.right(name),
                6..8 => {
                    let password = self.new_text("guess");
                    Some(Act::Login { name: name.into(), password, console: false })
                }
                8 => Some(Act::Login { name: "nobody".into(), password: self.new_text("guess"), console: false }),
                9 if self.script.administration => self.administer(name),
                9 => Some(Act::Tidy),
                _ => self.with_token(),
            };
            let delay = self.draw(|d| d.u64(..within));
            if let Some(act) = act {
                self.ask(act, delay);
            }
        }
        self.disturb();
        if self.draw(|d| d.bool()) {
            self.wait_for_all().await;
        }
    }

    async fn pass_time(&mut self) {
        let seconds = [1, 6, 11, 31, 61, 65, 130, 400, 800, 1_900];
        let seconds = seconds[self.draw(|d| d.usize(..seconds.len()))];
        self.note(&format!("{seconds} s pass"));
        sleep(Duration::from_secs(seconds)).await;
    }

    fn note(&self, what: &str) {
        self.oracle.look().note(self.world.database.now(), what);
    }

    /// Somebody logs in who knows the password.
    fn right(&self, name: &str) -> Option<Act> {
        let password = self.oracle.look().password(name)?;
        Some(Act::Login { name: name.into(), password, console: name != MACHINE && self.draw(|d| d.u8(..6)) == 0 })
    }

    /// Somebody shows a token.
    fn with_token(&mut self) -> Option<Act> {
        let held = self.draw(|draw| self.oracle.look().some_token(draw))?;
        let kind = self.draw(|d| d.u8(..16));
        Some(match kind {
            0..9 => Act::Check(held),
            9 if !held.console => Act::Authorize(held),
            9 => Act::Check(held),
            10..13 => Act::Logout(held),
            13 => Act::EndAll(held),
            _ => {
                let right = self.oracle.look().password(&held.name).filter(|_| kind == 14);
                let old = right.unwrap_or_else(|| self.new_text("guess"));
                Act::ChangePassword { held, old, new: self.new_text("own password") }
            }
        })
    }

    /// An administrator does something to an account, or to all of them.
    fn administer(&mut self, name: &str) -> Option<Act> {
        let name = PEOPLE.iter().map(|(known, _)| *known).find(|known| *known == name)?.to_owned();
        let found = self.oracle.look().account(&name).map(|(id, _)| id);
        let Some(id) = found else {
            return Some(Act::Create { password: self.new_text("password"), name });
        };
        let kind = self.draw(|d| d.u8(..24));
        let edit = match kind {
            0..3 => Edit::Disable,
            3..7 => Edit::Enable,
            7..9 => Edit::Password(self.new_text("password")),
            9..12 => Edit::Unlock,
            12..14 => {
                let counts = [0, 1, 2, 4, 5, 96, 98, 99, 100];
                Edit::Failures(counts[self.draw(|d| d.usize(..counts.len()))])
            }
            14 => Edit::Lock(self.world.database.now()),
            15 => return Some(Act::Reset { enable: self.draw(|d| d.bool()), name }),
            16 => return Some(Act::Delete { id }),
            17 => return Some(Act::Bar { name }),
            18 | 19 => return Some(Act::Unbar { name }),
            20 | 21 => {
                let disabled = self.draw(|d| d.bool());
                return Some(match self.draw(|d| d.u8(..3)) {
                    0 => Act::SetRole { gives: !disabled },
                    1 => Act::SetPolicy { name: "Staff", disabled },
                    _ => Act::SetPolicy { name: "Stopped", disabled },
                });
            }
            _ if !self.script.laws => return Some(Act::Tidy),
            _ => return Some(self.draw(|draw| Act::Limits { threshold: draw.u8(1..7), minutes: draw.u8(1..4) })),
        };
        Some(Act::Edit { name, id, edit })
    }

    /// Something goes wrong with a node, in a while.
    fn disturb(&mut self) {
        let number = self.draw(|d| d.usize(..self.world.plan.nodes));
        let (after, kind) = (Duration::from_millis(self.draw(|d| d.u64(1..400))), self.draw(|d| d.u8(..6)));
        let (world, oracle) = (self.world.clone(), self.oracle.clone());
        match kind {
            0 | 1 if self.script.crashes => {
                let down = Duration::from_millis(self.draw(|d| d.u64(1..15_000)));
                self.under_way.spawn(async move {
                    sleep(after).await;
                    if world.crash(number) {
                        let mut oracle = oracle.look();
                        oracle.note(world.database.now(), &format!("node {number} crashes"));
                        oracle.count("crashes", 1);
                    }
                    sleep(down).await;
                    start(&world, &oracle, number).await;
                });
            }
            2 | 3 if self.script.pauses => {
                let span = Duration::from_millis(self.draw(|d| d.u64(1_000..40_000)));
                self.under_way.spawn(async move {
                    sleep(after).await;
                    if let Some(node) = world.node(number) {
                        let mut oracle = oracle.look();
                        oracle.note(world.database.now(), &format!("node {number} stands still for {span:?}"));
                        oracle.count("pauses", 1);
                        node.steps.pause(span);
                    }
                });
            }
            4 if self.script.clocks => {
                let off = self.draw(|d| d.i64(-7_200_000_000..7_200_000_000));
                if let Some(node) = world.node(number) {
                    self.note(&format!("the clock of node {number} is off by {off}"));
                    self.oracle.look().clock_is_set(node.steps.name());
                    node.set_clock(off);
                }
            }
            _ => {}
        }
    }

    /// Somebody asks a node for something, after some milliseconds. Some go away before they are answered.
    fn ask(&mut self, act: Act, delay: u64) {
        let patience = match self.draw(|d| d.u8(..20)) {
            0 => Duration::from_millis(self.draw(|d| d.u64(1..500))),
            _ => PATIENCE,
        };
        let (world, oracle) = (self.world.clone(), self.oracle.clone());
        self.under_way.spawn(async move {
            sleep(Duration::from_millis(delay)).await;
            ask(&world, &oracle, act, patience).await;
        });
    }

    async fn start_all(&self) {
        for number in 0..self.world.plan.nodes {
            start(&self.world, &self.oracle, number).await;
        }
    }

    async fn wait_for_all(&mut self) {
        while self.under_way.join_next().await.is_some() {}
    }

    /// Everything comes to its end, and everybody who may is let in again.
    async fn settle(mut self) {
        self.wait_for_all().await;
        self.world.chance.calm();
        self.start_all().await;
        // Attempts of which the client is gone have come to their end by then, and leases are over.
        sleep(PATIENCE).await;
        self.note("all is quiet");
        let held = self.oracle.look().tokens();
        for held in held {
            self.now(Act::Check(held)).await;
        }
        self.now(Act::SetPolicy { name: "Stopped", disabled: true }).await;
        for (name, _) in PEOPLE {
            self.now(Act::Unbar { name: name.into() }).await;
            let found = self.oracle.look().account(name).map(|(id, _)| id);
            if let Some(id) = found {
                self.now(Act::Edit { name: name.into(), id, edit: Edit::Unlock }).await;
            }
        }
        // Whatever may still be locked is a machine.
        sleep(Duration::from_secs(61)).await;
        for name in NAMES {
            if let Some(act) = self.right(name) {
                self.now(act).await;
            }
        }
        // What decoys left behind is kept for longer than a lease.
        sleep(Duration::from_secs(31)).await;
        self.now(Act::Tidy).await;
        self.oracle.look().is_quiet();
    }

    /// Asks until there is an answer, which must come before long.
    async fn now(&self, act: Act) {
        for _ in 0..TRIES {
            if ask(&self.world, &self.oracle, act.clone(), PATIENCE).await {
                return;
            }
        }
        self.oracle.look().gives_up(&act);
    }
}

/// Starts a node, unless it is up, and again as long as that fails.
async fn start(world: &World, oracle: &Oracle, number: usize) {
    while world.node(number).is_none() {
        oracle.look().recovers(!world.plan.is_shared);
        let started = world.start(number).await;
        let mut oracle = oracle.look();
        oracle.recovers(false);
        let how = started.map_or_else(|error| format!("does not start: {error}"), |()| "is up".into());
        oracle.note(world.database.now(), &format!("node {number} {how}"));
    }
}

/// Asks some node that is up. Says whether there was an answer, and not that one should come back.
async fn ask(world: &World, oracle: &Oracle, act: Act, patience: Duration) -> bool {
    let Some((place, node)) = world.some_node() else {
        sleep(Duration::from_millis(100)).await;
        return false;
    };
    let number = oracle.look().asked(world.database.now(), &act, place, node.steps.losses());
    let asked = timeout(patience, perform(&node, act, request_id(number)));
    let answer = tokio::select! {
        biased;
        () = node.steps.crashed() => Answer::None,
        answered = asked => match answered {
            Ok(Ok(done)) => Answer::Done(done),
            Ok(Err(error)) => Answer::Error(error),
            Err(_) => Answer::None,
        },
    };
    let is_final = answer.is_final();
    oracle.look().answered(world.database.now(), number, answer, node.steps.losses());
    is_final
}
