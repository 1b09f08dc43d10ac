//! Part A: the election timer, and the heartbeats that keep the others' quiet (§5.2).
//!
//! How long a timeout is, each Raft decides for itself: it is measured. The lab asks for an
//! election within a second or so, and for about ten heartbeats a second at most.

use std::collections::BTreeSet;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::raft::Term;
use raftlab::runner::LabTest;

use crate::kit::*;

/// What nearly all other tests rest on.
pub const FIRST_TESTS: &[LabTest] = lab_tests![
    test_new_server_is_a_follower_2a,
    test_timeout_starts_an_election_2a,
    test_election_starts_the_timer_anew_2a,
];

pub const TESTS: &[LabTest] = lab_tests![
    test_timeouts_are_random_2a,
    test_granting_a_vote_resets_the_timer_2a,
    test_refusing_a_vote_does_not_reset_the_timer_2a,
    test_heartbeat_resets_the_timer_2a,
    test_old_leaders_heartbeat_does_not_reset_the_timer_2a,
    test_leader_does_not_campaign_2a,
    test_leader_that_steps_down_has_a_timer_again_2a,
    test_new_leader_sends_heartbeats_2a,
    test_heartbeats_are_repeated_2a,
    test_heartbeats_do_not_wait_for_replies_2a,
    test_lone_server_leads_2a,
];

/// Those that need a log.
pub const TESTS_WITH_LOG: &[LabTest] = lab_tests![
    test_entries_reset_the_timer_2b,
    test_refused_append_resets_the_timer_2b,
    test_candidate_yields_to_a_leader_that_it_refuses_2b,
    test_candidate_with_an_old_log_does_not_reset_the_timer_2b,
];

const EMPTY: EntryAt = (0, 0);
/// Shorter than any timeout that the lab's heartbeats allow.
const OFTEN: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(3);
/// The lab's idle second: at most 60 requests to two followers.
const MOST_A_SECOND: usize = 30;

/// The times between n0's next elections, while nobody answers.
fn timeouts(s: &Stage, count: usize) -> Vec<Duration> {
    let mut before = s.campaign().at;
    let next = || {
        let now = s.campaign().at;
        std::mem::replace(&mut before, now)
    };
    let starts: Vec<_> = std::iter::repeat_with(next).take(count + 1).collect();
    starts.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Does `act` every now and then, for long; how many elections n0 has started meanwhile.
pub fn elections_during(s: &Stage, mut act: impl FnMut()) -> usize {
    let (mark, start) = (s.mark(), now());
    while start.elapsed() < LONG {
        act();
        s.wait(OFTEN);
    }
    s.campaigns_since(mark)
}

pub fn test_new_server_is_a_follower_2a() {
    let s = Stage::new(
        3,
        "Figure 2, followers: a server starts as one, in term 0, and campaigns when the election \
         timeout passes, not before",
    );
    s.follows_in(0);
    let campaign = s.campaign();
    let happened = format!("an election in term {}", campaign.term);
    s.check(campaign.term == 1, "the first election in term 1", happened);
}

pub fn test_timeout_starts_an_election_2a() {
    let s = Stage::new(
        3,
        "Figure 2, followers: when the election timeout passes without a word from the leader or \
         a vote, become a candidate",
    );
    s.accepts(1, heartbeat(1));
    let (start, campaign) = (now(), s.campaign());
    let after = campaign.at - start;
    let expected = "an election within 2 s, in term 2";
    let happened = format!("one after {}, in term {}", ms(after), campaign.term);
    s.check(after < Duration::from_secs(2) && campaign.term == 2, expected, happened);
}

pub fn test_election_starts_the_timer_anew_2a() {
    let s = Stage::new(
        3,
        "Figure 2, candidates: an election starts the timer anew, and the next comes a timeout \
         later",
    );
    let shortest = timeouts(&s, 10).into_iter().min().expect("ten of them");
    let expected = "at least 100 ms from election to election, as heartbeats are 100 ms apart";
    s.check(shortest >= Duration::from_millis(95), expected, ms(shortest));
}

pub fn test_timeouts_are_random_2a() {
    let s = Stage::new(
        3,
        "§5.2: each timeout is drawn anew at random, so that split votes are rare, and soon over",
    );
    let timeouts = timeouts(&s, 20);
    // A late timer is no random timeout: 10 ms are a difference.
    let distinct: BTreeSet<_> = timeouts.iter().map(|timeout| timeout.as_millis() / 10).collect();
    let (shortest, longest) = (timeouts.iter().min(), timeouts.iter().max());
    let (shortest, longest) = (*shortest.expect("20 of them"), *longest.expect("20 of them"));
    let happened =
        format!("{} different ones in 20, {} to {}", distinct.len(), ms(shortest), ms(longest));
    let spread = longest - shortest >= Duration::from_millis(30);
    s.check(spread && distinct.len() >= 4, "20 timeouts that differ, by 30 ms and more", happened);
}

pub fn test_granting_a_vote_resets_the_timer_2a() {
    let s = Stage::new(3, "Figure 2, followers: who grants its vote waits a whole timeout again");
    let mut term = 0;
    let elections = elections_during(&s, || {
        term += 1;
        s.grants(1, vote(term, EMPTY));
    });
    s.check(elections == 0, "no election while votes are granted", format!("{elections}"));
}

pub fn test_refusing_a_vote_does_not_reset_the_timer_2a() {
    let s = Stage::new(
        3,
        "Figure 2, followers: only a vote that is granted resets the timer, not one that is \
         refused",
    );
    s.grants(1, vote(1, EMPTY));
    let elections = elections_during(&s, || {
        s.denies(2, vote(1, EMPTY));
    });
    s.check(elections > 0, "an election, since n1 is silent and n2 has no chance", "none in 3 s");
}

pub fn test_heartbeat_resets_the_timer_2a() {
    let s = Stage::new(3, "Figure 2, followers: who hears from the leader starts no election");
    let elections = elections_during(&s, || s.accepts(1, heartbeat(1)));
    s.check(elections == 0, "no election while the leader is heard", format!("{elections}"));
    s.follows_in(1);
}

pub fn test_entries_reset_the_timer_2b() {
    let s = Stage::new(3, "Figure 2, followers: any AppendEntries of the leader resets the timer");
    let mut index = 0;
    let elections = elections_during(&s, || {
        s.accepts(1, append(1, (index, u64::from(index > 0)), &[1], index));
        index += 1;
    });
    s.check(elections == 0, "no election while the leader is heard", format!("{elections}"));
}

pub fn test_refused_append_resets_the_timer_2b() {
    let s = Stage::new(
        3,
        "Figure 2, followers: an AppendEntries of the leader resets the timer, also if the logs \
         do not match yet",
    );
    let elections = elections_during(&s, || {
        s.refuses(1, append(1, (7, 1), &[1], 0));
        s.refuses(1, append(1, (7, 1), &[], 0));
    });
    s.check(elections == 0, "no election while the leader is heard", format!("{elections}"));
}

pub fn test_candidate_yields_to_a_leader_that_it_refuses_2b() {
    let s = Stage::new(
        3,
        "Figure 2, candidates: an AppendEntries from the new leader of the term makes a follower, \
         also if the logs do not match yet",
    );
    let term = s.campaign().term;
    let elections = elections_during(&s, || {
        s.refuses(1, append(term, (7, 1), &[], 0));
    });
    s.check(elections == 0, "no election while the leader is heard", format!("{elections}"));
    s.follows_in(term);
}

pub fn test_candidate_with_an_old_log_does_not_reset_the_timer_2b() {
    let s = Stage::new(
        3,
        "Figure 2, followers: only a vote that is granted resets the timer, not one that is \
         refused",
    );
    s.accepts(1, append(1, EMPTY, &[1], 0));
    s.denies(2, vote(2, EMPTY));
    let elections = elections_during(&s, || {
        s.denies(2, vote(2, EMPTY));
    });
    s.check(elections > 0, "an election, since n2 can never win", "none in 3 s");
}

pub fn test_old_leaders_heartbeat_does_not_reset_the_timer_2a() {
    let s = Stage::new(
        3,
        "Figure 2, followers: only the current leader's AppendEntries resets the timer",
    );
    s.accepts(1, heartbeat(5));
    let elections = elections_during(&s, || {
        s.refuses(2, heartbeat(4));
    });
    s.check(elections > 0, "an election, since the leader of term 5 is silent", "none in 3 s");
}

pub fn test_leader_does_not_campaign_2a() {
    let s = Stage::new(3, "§5.2: while followers hear from it, a leader stays leader");
    let term = s.elect_obeyed();
    let mark = s.mark();
    s.wait(LONG);
    s.leads_in(term);
    // A request of the election that it has won may come late.
    let later = |sent: &Sent| matches!(&sent.rpc, Rpc::Vote(args) if args.term > term);
    let elections = s.sent_since(mark).iter().filter(|sent| later(sent)).count();
    s.check(elections == 0, "no election", format!("{elections} requests for votes"));
}

pub fn test_leader_that_steps_down_has_a_timer_again_2a() {
    let s = Stage::new(
        3,
        "Figure 2, followers: when the election timeout passes without a word, campaign: so does \
         an old leader, a whole timeout after it has stepped down, however long its reign was",
    );
    let shortest = timeouts(&s, 10).into_iter().min().expect("ten of them");
    for _ in 0..3 {
        let term = s.elect_held();
        let first = s.next(s.mark().saturating_sub(2), 1, "a heartbeat", Rpc::is_leaders);
        s.obey(2); // or a leader without a majority might step down by itself
        s.wait(LONG); // any timeout from before the reign has passed
        // By a reply: a vote that is granted, or a new leader, would reset the timer anyway.
        s.says_no(&first, term + 1);
        s.wait(A_MOMENT);
        s.follows_in(term + 1);
        let (since, campaign) = (now(), s.campaign());
        let happened = format!("an election in term {}", campaign.term);
        s.check(campaign.term == term + 2, format!("an election in term {}", term + 2), happened);
        let after = (campaign.at - since) + A_MOMENT;
        let expected = format!("not before half of its shortest timeout, {}", ms(shortest));
        s.check(after >= shortest / 2, expected, format!("after {}", ms(after)));
    }
}

pub fn test_new_leader_sends_heartbeats_2a() {
    let s = Stage::new(5, "Figure 2, leaders: once elected, send heartbeats to all others");
    let campaign = s.campaign();
    let (mark, start) = (s.mark(), now());
    s.grant(campaign.term, &[1, 2]);
    for peer in s.peers() {
        let heartbeat = s.next(mark, peer, "a heartbeat", Rpc::is_leaders);
        s.brings_no_entry(&heartbeat);
        let args = heartbeat.args();
        let right = args.term == campaign.term
            && (args.prev_log_index, args.prev_log_term) == EMPTY
            && args.entries.is_empty()
            && args.leader_commit == 0;
        let expected = format!("an empty AppendEntries of term {}", campaign.term);
        s.check(right, expected, format!("{}", heartbeat.rpc));
    }
    let after = start.elapsed();
    s.check(after < A_MOMENT * 8, "within 320 ms", ms(after));
}

/// The times between the heartbeats that `peer` gets.
fn gaps(s: &Stage, mark: usize, peer: usize, term: Term) -> Vec<Duration> {
    let sent = s.led_since(mark).into_iter();
    let to_peer = sent.filter(|sent| sent.to == peer && sent.rpc.term() == term);
    let times: Vec<_> = to_peer.map(|sent| sent.at).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Heartbeats go to `peer` often enough for a follower like n0, and not more often than the lab
/// allows.
#[track_caller]
fn check_heartbeats(s: &Stage, mark: usize, peer: usize, term: Term, shortest: Duration) {
    let gaps = gaps(s, mark, peer, term);
    let longest = gaps.iter().max().copied().unwrap_or(LONG);
    let expected = format!(
        "heartbeats to n{peer} closer together than n0's own election timeouts, the shortest of \
         which was {}",
        ms(shortest)
    );
    s.check(longest < shortest, expected, format!("none for {}", ms(longest)));
    let rate = gaps.len() / LONG.as_secs() as usize;
    let expected = format!("at most {MOST_A_SECOND} heartbeats a second to n{peer}");
    s.check(rate <= MOST_A_SECOND, expected, format!("{rate}"));
}

pub fn test_heartbeats_are_repeated_2a() {
    let s = Stage::new(
        3,
        "Figure 2, leaders: heartbeats are repeated in idle times, so that nobody's timeout \
         passes",
    );
    let shortest = timeouts(&s, 10).into_iter().min().expect("ten of them");
    let term = s.elect_obeyed();
    let mark = s.mark();
    s.wait(LONG);
    s.peers().for_each(|peer| check_heartbeats(&s, mark, peer, term, shortest));
}

pub fn test_heartbeats_do_not_wait_for_replies_2a() {
    let s = Stage::new(
        3,
        "§5.3, §5.5: a server that does not answer is sent heartbeats all the same, and does not \
         keep others from theirs",
    );
    let shortest = timeouts(&s, 10).into_iter().min().expect("ten of them");
    s.obey(2); // n1 answers nothing
    let term = s.elect();
    let mark = s.mark();
    s.wait(LONG);
    s.peers().for_each(|peer| check_heartbeats(&s, mark, peer, term, shortest));
    s.leads_in(term);
}

pub fn test_lone_server_leads_2a() {
    let s = Stage::new(
        1,
        "§5.2: votes from a majority of all servers make a leader: a server alone has them with \
         its own",
    );
    s.wait(Duration::from_secs(2));
    let (term, leader) = s.state();
    s.check(
        leader,
        "n0, alone in its cluster, leads within 2 s",
        format!("term {term}, no leader"),
    );
}
