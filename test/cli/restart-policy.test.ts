import { describe, expect, it } from 'vitest';
import { RestartPolicy } from '../../cli/restart-policy.js';

const limits = { backoffFirstMs: 100, backoffMaxMs: 1_000, earlyMs: 500, earlyDeathsMax: 6 };
const early = { code: 1, listenedMs: undefined };
const late = { code: null, listenedMs: 60_000 };

describe('RestartPolicy', () => {
  it('waits longer after each early death, up to a bound, and gives up in the end', () => {
    const policy = new RestartPolicy(limits);
    const waits = [1, 2, 3, 4, 5].map(() => policy.died(early));
    expect(waits.map((verdict) => verdict.type === 'restart' && verdict.afterMs)).toEqual([100, 200, 400, 800, 1_000]);
    expect(policy.died(early)).toEqual({ type: 'give-up', code: 70, earlyDeaths: 6 });
  });

  it('starts from the shortest wait again after a server that had been up', () => {
    const policy = new RestartPolicy(limits);
    for (let death = 0; death < 5; death += 1) policy.died({ code: null, listenedMs: 499 });
    expect(policy.died(late)).toEqual({ type: 'restart', afterMs: 100, earlyDeaths: 0 });
    expect(policy.died(early)).toEqual({ type: 'restart', afterMs: 100, earlyDeaths: 1 });
  });

  it('restarts a server that is killed again and again once it was up', () => {
    const policy = new RestartPolicy(limits);
    for (let death = 0; death < 100; death += 1) expect(policy.died(late).type).toBe('restart');
  });

  it.each([0, 64, 78])('ends with the exit code %i, which a restart cannot help', (code) => {
    expect(new RestartPolicy(limits).died({ code, listenedMs: 5 })).toEqual({ type: 'end', code });
  });

  it('takes a port in use for final only as long as it never had the port itself', () => {
    const policy = new RestartPolicy(limits);
    expect(policy.died({ code: 69, listenedMs: undefined })).toEqual({ type: 'end', code: 69 });
    policy.died(late);
    expect(policy.died({ code: 69, listenedMs: undefined }).type).toBe('restart');
  });
});
