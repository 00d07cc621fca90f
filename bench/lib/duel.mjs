import { Participant, REST_MS, SideEnded } from './participant.mjs';
import { round, slope, summarise } from './statistics.mjs';

/**
 * Times one row: both sides stay alive, and blocks of steps alternate while the other side waits on its input.
 * The peer also runs a few blocks before our side exists, to show that sitting beside us does not slow it down.
 */
export async function runDuel(row, sides, { steps, block, realtime, progress }) {
  const peer = new Participant(sides.peer);
  const open = [peer];
  try {
    const peerInit = await peer.timed({ cmd: 'init', row: row.name, ...row.peer }, realtime);
    progress.advance(block, `${row.name}: peer ready`);
    const alone = [];
    for (let done = 0; done < 2 * block; done += block) alone.push(...(await peer.steps(block, realtime)).ms);
    const ours = new Participant(sides.ours);
    open.push(ours);
    const oursInit = await ours.timed({ cmd: 'init', row: row.name, ...row.ours }, realtime);
    const spawnToFirstStepMs = performance.now() - ours.started - (realtime ? REST_MS : 0);
    progress.advance(block, `${row.name}: both ready`);
    const times = { ours: [], peer: [] };
    let last;
    for (let done = 0; done < steps; done += block) {
      const a = await ours.steps(block, realtime);
      const b = await peer.steps(block, realtime);
      times.ours.push(...a.ms);
      times.peer.push(...b.ms);
      last = { ours: a, peer: b };
      progress.advance(
        block,
        `${row.name}: ours ${round(Math.min(...times.ours), 1)} ms, peer ${round(Math.min(...times.peer), 1)} ms`,
      );
    }
    return {
      ours: describeSide(times.ours, last.ours, oursInit, { spawnToFirstStepMs: round(spawnToFirstStepMs) }),
      peer: describeSide(times.peer, last.peer, peerInit, { alone: summarise(alone) }),
    };
  } finally {
    await Promise.all(open.map((side) => side.stop()));
  }
}

/** What is left of a side that ended in the middle: how, or the error where the row takes none. */
function endOf(error, { reportsEnds }) {
  if (reportsEnds && error instanceof SideEnded) return error.outcome;
  throw error;
}

/** One block of one side, in a process of its own. */
async function runBlock(row, side, fields, record, { block, realtime }) {
  const participant = new Participant(side);
  try {
    const init = await participant.timed({ cmd: 'init', row: row.name, ...fields }, realtime);
    record.last = await participant.steps(block, realtime);
    record.peakMb = Math.max(record.peakMb, record.last.peakMb);
    record.init ??= init;
    record.ms.push(...record.last.ms);
    record.onlineMs.push(...(record.last.onlineMs ?? []));
    record.cpuMs.push(...(record.last.cpuMs ?? []));
  } catch (error) {
    record.end = endOf(error, row);
  } finally {
    await participant.stop();
  }
}

/**
 * Times one row whose sides do not fit into memory together: every block has a process of its own, which ends before that
 * of the other side starts. A row with `peerRepeats` lets the peer make so many steps for one of ours. Where the row
 * `reportsEnds`, a side that is killed or refused is a result, and the other goes on.
 */
export async function runInTurns(row, sides, { steps, block, realtime, progress }) {
  const seen = Object.fromEntries(
    ['peer', 'ours']
      .filter((name) => sides[name])
      .map((name) => [name, { ms: [], cpuMs: [], onlineMs: [], peakMb: 0 }]),
  );
  for (let done = 0; done < steps; done += block) {
    for (const [name, record] of Object.entries(seen)) {
      const count = name === 'peer' ? block * (row.peerRepeats ?? 1) : block;
      if (record.end === undefined) await runBlock(row, sides[name], row[name], record, { block: count, realtime });
      const state = record.end ? record.end.outcome : `${round(Math.min(...record.ms), 1)} ms`;
      progress.advance(block / 2, `${row.name}: ${sides[name].name} ${state}`);
    }
  }
  const describe = ({ ms, cpuMs, last, init, end, onlineMs, peakMb }) => {
    if (end !== undefined) return end;
    const online = onlineMs.some((share) => share > 0) ? { cached: withoutTeacher(ms, onlineMs) } : {};
    const cpu = cpuMs.length > 0 ? { cpuMinMs: round(Math.min(...cpuMs)) } : {};
    return describeSide(ms, { ...last, peakMb }, init, { ...online, ...cpu });
  };
  return Object.fromEntries(Object.entries(seen).map(([name, record]) => [name, describe(record)]));
}

/** Times without the share of an on-line teacher: the same steps with its tokens out of a cache. */
function withoutTeacher(ms, onlineMs) {
  return summarise(ms.map((time, index) => time - onlineMs[index]));
}

/** The peer as a first program would run it, by itself; shown beside, never compared with. */
export async function runAlone(row, side, { steps, variant, realtime }) {
  const participant = new Participant(side);
  try {
    const init = await participant.timed(
      { cmd: 'init', row: row.name, ...row.peer, variant, exportTo: undefined },
      realtime,
    );
    const reply = await participant.steps(steps, realtime);
    return describeSide(reply.ms, reply, init, {});
  } catch (error) {
    return endOf(error, row);
  } finally {
    await participant.stop();
  }
}

/** Many steps of our side alone: resident memory after each, and its growth once it has settled. */
export async function runSoak(row, side, { steps, progress }) {
  const participant = new Participant(side);
  try {
    await participant.request({ cmd: 'init', row: row.name, ...row.ours });
    const resident = [];
    for (let done = 0; done < steps; done += 10) {
      const reply = await participant.request({ cmd: 'step', n: Math.min(10, steps - done), eachRss: true });
      resident.push(...reply.rssEach);
      progress.note(`${row.name}: soak ${resident.length}/${steps}, ${round(resident.at(-1), 1)} MB`);
    }
    const settled = resident.slice(Math.floor(resident.length / 5));
    return {
      steps,
      firstMb: round(resident[0]),
      lastMb: round(resident.at(-1)),
      slopeKbPerStep: round(1024 * slope(settled), 3),
    };
  } finally {
    await participant.stop();
  }
}

function describeSide(times, last, init, extra) {
  const { value, firstStepMs, baseMb, ...rest } = init;
  return {
    ...summarise(times),
    peakMb: round(last.peakMb, 1),
    baseMb: round(baseMb, 1),
    firstStepMs: round(firstStepMs),
    firstValue: value,
    lastValue: last.value,
    ...extra,
    ...(last.engine ? { engine: last.engine } : {}),
    ...rest,
  };
}
