//! Injects faults, and repairs them.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_replicator_assets::scratch;
use k8s_replicator_sim::dice::Dice;
use k8s_replicator_sim::properties;
use k8s_replicator_testenv::{ControlPlane, Controller, Fault, Proxy, RequestView, Rights, SecondServer, Snapshot};

use super::FLAGS;
use super::history::{Era, now};
use super::judge::Lives;

/// How often each thing happened.
#[derive(Debug, Default)]
struct Counts {
    controller_killed: usize,
    controller_ended: usize,
    api_server_killed: usize,
    second_api_server_killed: usize,
    etcd_killed: usize,
    connections_broken: usize,
    spells_of_faulty_responses: usize,
    etcd_restored: usize,
}

/// One process of the controller, which has a proxy and a user of its own: by that the audit log tells them apart.
struct Life {
    controller: Controller,
    proxy: Proxy,
    speaks_to_the_second: bool,
}

/// See the [module](self).
pub(crate) struct Faults<'p> {
    plane: &'p ControlPlane,
    /// None only while it is started anew.
    second: Option<SecondServer>,
    life: Life,
    /// Since when each user is one.
    pub(crate) lives: Lives,
    /// The history of etcd that ended when it was restored.
    pub(crate) former: Option<Era>,
    /// When etcd was started or restored.
    pub(crate) since: Duration,
    /// From when to when each fault lasted.
    pub(crate) times: Vec<(Duration, Duration)>,
    /// The logs of those before it.
    logs: String,
    dice: Dice,
    snapshot: Option<Snapshot>,
    counts: Counts,
}

impl Life {
    fn begin(plane: &ControlPlane, second: Option<&SecondServer>, lives: &mut Lives) -> Result<Self> {
        let user = plane.user(Rights::Admin);
        let kubeconfig = match second {
            Some(second) => second.kubeconfig_of(&user)?,
            None => user.kubeconfig.clone(),
        };
        let proxy = Proxy::before(&kubeconfig)?;
        lives.insert(user.name, now());
        let controller = Controller::start(proxy.kubeconfig(), &FLAGS)?;
        Ok(Self { controller, proxy, speaks_to_the_second: second.is_some() })
    }
}

impl<'p> Faults<'p> {
    pub(crate) fn new(plane: &'p ControlPlane, seed: u64, since: Duration) -> Result<Self> {
        let second = Some(plane.second_api_server()?);
        let (logs, dice, counts) = (String::new(), Dice::new(seed ^ 0xc4a0_5000), Counts::default());
        let mut lives = Lives::new();
        let (life, times) = (Life::begin(plane, None, &mut lives)?, Vec::new());
        Ok(Self { plane, second, life, lives, former: None, since, times, logs, dice, snapshot: None, counts })
    }

    /// Injects one fault after the other, for this time; within it etcd is backed up once, and restored once.
    pub(crate) fn rage(&mut self, begun: Instant, time: Duration) -> Result<()> {
        while begun.elapsed() < time {
            let since = now();
            if self.snapshot.is_none() && begun.elapsed() > time / 3 {
                self.snapshot = Some(self.plane.snapshot()?);
            }
            if self.counts.etcd_restored == 0 && begun.elapsed() > time * 2 / 3 {
                self.restore()?;
            }
            self.one()?;
            self.supervise()?;
            self.times.push((since, now()));
            thread::sleep(Duration::from_millis(300 + 100 * self.dice.roll(25) as u64));
        }
        Ok(())
    }

    fn one(&mut self) -> Result<()> {
        match self.dice.roll(16) {
            0..=3 => {
                self.counts.controller_killed += 1;
                self.start_controller()?;
            }
            4 | 5 => {
                self.counts.api_server_killed += 1;
                self.plane.kill_api_server();
                thread::sleep(Duration::from_millis(100 * self.dice.roll(20) as u64));
                self.plane.bring_back()?;
            }
            6 => {
                self.counts.etcd_killed += 1;
                self.plane.kill_etcd();
                thread::sleep(Duration::from_millis(100 * self.dice.roll(20) as u64));
                self.plane.bring_back()?;
            }
            7 => {
                self.counts.second_api_server_killed += 1;
                self.renew_second()?;
            }
            8..=10 => {
                self.counts.connections_broken += 1;
                self.life.proxy.break_connections();
            }
            11 | 12 => {
                let lag = Duration::from_millis(self.dice.pick(&[0, 50, 300, 1_500]));
                if let Some(second) = &self.second {
                    second.set_lag(lag);
                }
            }
            _ => {
                self.counts.spells_of_faulty_responses += 1;
                self.spoil();
                thread::sleep(Duration::from_millis(200 + 100 * self.dice.roll(20) as u64));
                self.life.proxy.set_rule(|_| Fault::Pass);
            }
        }
        Ok(())
    }

    /// One response of some is lost, late, or another one.
    fn spoil(&mut self) {
        let late = Duration::from_millis(self.dice.pick(&[100, 400, 1_500]));
        let fault = match self.dice.roll(10) {
            0 | 1 => Fault::LoseReply,
            2 => Fault::Disconnect,
            3 => Fault::Delay(late),
            8 | 9 => Fault::DelayReply(late),
            4 => Fault::Status {
                code: 429,
                headers: vec![("Retry-After".to_owned(), "1".to_owned())],
                body: String::new(),
            },
            5 => Fault::status(503),
            6 => Fault::Status { code: 404, headers: Vec::new(), body: "404 page not found\n".to_owned() },
            _ => Fault::CloseAtOnce,
        };
        let (every, writes_only) = (1 + self.dice.roll(3), self.dice.once_in(2));
        let counter = std::sync::atomic::AtomicUsize::new(0);
        self.life.proxy.set_rule(move |request: &RequestView| {
            let number = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let is_meant = number.is_multiple_of(every) && (request.method != "GET" || !writes_only);
            if is_meant { fault.clone() } else { Fault::Pass }
        });
    }

    fn restore(&mut self) -> Result<()> {
        let Some(snapshot) = &self.snapshot else { return Ok(()) };
        self.counts.etcd_restored += 1;
        // As etcd's documentation requires: all API servers are down meanwhile, and all their clients are restarted, the controller too.
        // (This restore does not bump revisions, so that versions are given a second time. What a controller does that lives through
        // one that does is the simulation's to show.)
        self.second = None;
        self.plane.kill_api_server();
        self.former = Some(Era::read(self.plane, self.since, None)?);
        self.life.controller.kill();
        self.since = now();
        self.plane.restore(snapshot)?;
        self.plane.restart_controllers()?;
        self.second = Some(self.plane.second_api_server()?);
        self.start_controller()
    }

    /// Kills the second API server, and starts one, which listens on another port. Whoever spoke to it is started anew.
    fn renew_second(&mut self) -> Result<()> {
        if let Some(second) = self.second.take() {
            second.kill();
        }
        self.second = Some(self.plane.second_api_server()?);
        if self.life.speaks_to_the_second { self.start_controller() } else { Ok(()) }
    }

    /// Restarts the processes that have ended, as the kubelet does.
    pub(crate) fn supervise(&mut self) -> Result<()> {
        if self.life.controller.ended().is_some() {
            self.counts.controller_ended += 1;
            self.start_controller()?;
        }
        Ok(())
    }

    /// Ends the controller at once, and starts it again, before the first API server or before the second.
    fn start_controller(&mut self) -> Result<()> {
        self.life.controller.kill();
        self.logs.push_str(&self.life.controller.log());
        let second = self.second.as_ref().filter(|_| self.dice.once_in(3));
        self.life = Life::begin(self.plane, second, &mut self.lives)?;
        Ok(())
    }

    /// Ends all faults, and starts everything that was down.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.life.proxy.set_rule(|_| Fault::Pass);
        if let Some(second) = &self.second {
            second.set_lag(Duration::ZERO);
        }
        self.plane.bring_back()?;
        self.supervise()
    }

    pub(crate) fn counts(&self) -> String {
        let Counts {
            controller_killed,
            controller_ended,
            api_server_killed,
            second_api_server_killed,
            etcd_killed,
            connections_broken,
            spells_of_faulty_responses,
            etcd_restored,
        } = self.counts;
        let mut text = String::new();
        let _ = write!(
            text,
            "kills: controller {controller_killed}, API server {api_server_killed}, second API server \
             {second_api_server_killed}, etcd {etcd_killed}; the controller ended by itself {controller_ended} times; connections \
             broken {connections_broken} times; {spells_of_faulty_responses} spells of faulty responses; etcd restored \
             {etcd_restored} times"
        );
        text
    }

    /// Whether a value of somebody's data is in a log of the controller.
    pub(crate) fn shows_a_value(&self) -> bool {
        properties::shows_a_value(&self.logs) || properties::shows_a_value(&self.life.controller.log())
    }

    pub(crate) fn log_tail(&self) -> String {
        format!("the last that the controller wrote:\n{}", scratch::tail(self.life.controller.log_file(), 40))
    }
}
