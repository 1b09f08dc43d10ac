//! Part A: newer terms and older ones, by whatever message they come (§5.1); who may speak as a
//! leader, and when it is over.

use std::time::Duration;

use raftlab::lab_tests;
use raftlab::runner::LabTest;

use crate::kit::*;

pub const TESTS: &[LabTest] = lab_tests![
    test_newer_term_in_vote_request_is_adopted_2a,
    test_newer_term_in_append_is_adopted_2a,
    test_newer_term_in_vote_reply_is_adopted_2a,
    test_newer_term_in_append_reply_is_adopted_2a,
    test_newer_term_in_a_late_reply_is_adopted_2a,
    test_candidate_yields_to_the_leader_of_its_term_2a,
    test_append_of_an_old_term_is_refused_2a,
    test_old_leader_falls_silent_2a,
    test_one_reign_at_a_time_2a,
    test_requests_for_votes_are_for_the_campaigns_term_2a,
    test_messages_carry_the_term_of_their_role_2a,
    test_killed_server_falls_silent_2a,
];

const EMPTY: EntryAt = (0, 0);
const ADOPTED: &str =
    "Figure 2, all servers: a newer term in a request or reply is adopted, and makes a follower";

fn test_newer_term_in_vote_request_is_adopted_2a() {
    let s = Stage::new(3, ADOPTED);
    s.grants(1, vote(3, EMPTY)); // a follower
    s.follows_in(3);
    let campaign = s.campaign(); // a candidate
    s.grants(1, vote(campaign.term + 1, EMPTY));
    s.follows_in(campaign.term + 1);
    s.accepts(1, heartbeat(campaign.term + 1)); // a follower that has just heard from its leader
    s.vote(2, vote(campaign.term + 2, EMPTY));
    s.follows_in(campaign.term + 2);
    let term = s.elect_obeyed(); // a leader
    s.grants(2, vote(term + 2, EMPTY));
    s.follows_in(term + 2);
}

fn test_newer_term_in_append_is_adopted_2a() {
    let s = Stage::new(3, ADOPTED);
    s.accepts(1, heartbeat(3));
    s.follows_in(3);
    let campaign = s.campaign();
    s.accepts(1, heartbeat(campaign.term + 1));
    s.follows_in(campaign.term + 1);
    let term = s.elect_obeyed();
    s.accepts(2, heartbeat(term + 2));
    s.follows_in(term + 2);
    s.grants(2, vote(term + 2, EMPTY)); // it has not voted in that term
}

fn test_newer_term_in_vote_reply_is_adopted_2a() {
    let s = Stage::new(5, ADOPTED);
    let campaign = s.campaign();
    let newer = campaign.term + 5;
    s.says_no(&s.request(1, campaign.term), newer);
    s.wait(A_MOMENT);
    s.follows_in(newer);
    s.grants(2, vote(newer, EMPTY));
}

fn test_newer_term_in_append_reply_is_adopted_2a() {
    let s = Stage::new(5, ADOPTED);
    let term = s.elect_held();
    let newer = term + 5;
    s.says_no(&s.next(0, 1, "an AppendEntries", Rpc::is_leaders), newer);
    s.wait(A_MOMENT);
    s.follows_in(newer);
    s.grants(2, vote(newer, EMPTY));
}

fn test_newer_term_in_a_late_reply_is_adopted_2a() {
    let s = Stage::new(5, ADOPTED);
    let first = s.campaign().term;
    let second = s.campaign().term;
    let newer = second + 3;
    s.says_no(&s.request(1, first), newer);
    s.wait(A_MOMENT);
    s.follows_in(newer);
    s.grants(2, vote(newer, EMPTY));
}

fn test_candidate_yields_to_the_leader_of_its_term_2a() {
    let s = Stage::new(
        3,
        "Figure 2, candidates: an AppendEntries from the new leader of the term makes a follower",
    );
    let campaign = s.campaign();
    let mark = s.mark();
    for _ in 0..30 {
        s.accepts(1, heartbeat(campaign.term));
        s.wait(Duration::from_millis(50));
    }
    s.follows_in(campaign.term);
    let campaigns = s.campaigns_since(mark);
    s.check(campaigns == 0, "no election while n1 leads", format!("{campaigns} elections"));
}

fn test_append_of_an_old_term_is_refused_2a() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 1: no success for a leader of an old term",
    );
    s.grants(1, vote(4, EMPTY));
    let reply = s.refuses(2, heartbeat(3));
    s.check(reply.term == 4, "the reply tells of term 4", format!("of term {}", reply.term));
    let term = s.elect_obeyed();
    s.refuses(2, heartbeat(term - 1));
    s.leads_in(term);
}

fn test_old_leader_falls_silent_2a() {
    let s = Stage::new(3, "§5.2: who no longer leads sends no more AppendEntries");
    let term = s.elect_obeyed();
    s.grants(1, vote(term + 1, EMPTY));
    s.wait(A_MOMENT * 2); // what was under way
    let mark = s.mark();
    for _ in 0..20 {
        s.accepts(1, heartbeat(term + 1));
        s.wait(Duration::from_millis(50));
    }
    let sent = s.sent_since(mark);
    let expected = "nothing is sent by n0, which follows n1";
    s.check(sent.is_empty(), expected, format!("{} requests", sent.len()));
}

fn test_one_reign_at_a_time_2a() {
    let s = Stage::new(3, "§5.2: an earlier reign adds no heartbeats to those of a later one");
    let second = Duration::from_secs(1);
    let rate = || {
        let mark = s.mark();
        s.wait(second);
        s.led_since(mark).len()
    };
    s.elect_obeyed();
    let first = rate();
    for _ in 0..4 {
        let (term, _) = s.state();
        s.grants(1, vote(term + 1, EMPTY));
        s.elect_obeyed();
    }
    let last = rate();
    let expected = format!("about as many heartbeats a second as in the first reign, {first}");
    s.check(last * 2 <= first * 3 + 2, expected, format!("{last} in the fifth"));
}

fn test_requests_for_votes_are_for_the_campaigns_term_2a() {
    // What is wrong shows in what n0 sends: the scripted servers look at each message.
    let s = Stage::new(21, "§5.2: a candidate asks for votes in the term in which it campaigns");
    let mut term = 1;
    for _ in 0..5 {
        // While it begins to ask, a newer term comes.
        s.campaign_begins();
        term += 2;
        s.grants(1, vote(term, EMPTY));
        s.wait(A_MOMENT);
        s.follows_in(term);
    }
}

fn test_messages_carry_the_term_of_their_role_2a() {
    // What is wrong shows in what n0 sends: the scripted servers look at each message.
    // Many of them: to send to all takes a while.
    let s = Stage::new(21, "§5.2: a leader speaks in the term that it has won, in no other");
    for _ in 0..5 {
        let term = s.elect_held();
        // While it sends its next heartbeats, a newer term comes.
        let mark = s.mark();
        s.sends(mark, PATIENCE, |sent| sent.rpc.is_leaders());
        s.vote(2, vote(term + 1, EMPTY));
        s.wait(A_MOMENT);
        s.follows_in(term + 1);
    }
}

fn test_killed_server_falls_silent_2a() {
    let s = Stage::new(3, "The interface: after kill() a server sends nothing more");
    s.elect_obeyed();
    s.kill();
    s.wait(A_MOMENT * 8);
    let mark = s.mark();
    s.wait(Duration::from_secs(3));
    let sent = s.sent_since(mark).len();
    s.check(sent == 0, "no requests", format!("{sent} requests"));
}
