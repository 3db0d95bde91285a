/** The most calls under way at a time: the number of workers of a shard. */
const CALLS = 64;

/** A key that waits for room. */
export interface Waiter {
  /** There may be room now: try again. Must not throw. */
  hasRoom(): void;
}

/**
 * Room for the calls under way to one region, and for the workers that wait for them. A region may have as many places as
 * are left free: one region half of all, two a third each, and so on. So slow regions always leave room for another one.
 */
export class Room {
  #taken = 0;
  /** In order of arrival. */
  readonly #waiting = new Set<Waiter>();

  constructor(private readonly rooms: Rooms) {}

  /** Takes a place for one call; `leave` frees it. If there is none, the waiter is called when there may be one. */
  take(waiter?: Waiter): boolean {
    if (!this.#hasPlace) {
      if (waiter !== undefined) this.#waiting.add(waiter);
      return false;
    }
    this.#taken += 1;
    this.rooms.taken += 1;
    return true;
  }

  leave(): void {
    this.#taken -= 1;
    this.rooms.taken -= 1;
    this.rooms.wake();
  }

  cancel(waiter: Waiter): void {
    this.#waiting.delete(waiter);
  }

  wake(): void {
    for (const waiter of this.#waiting) {
      if (!this.#hasPlace) return;
      this.#waiting.delete(waiter);
      waiter.hasRoom();
    }
  }

  get #hasPlace(): boolean {
    return this.#taken < CALLS - this.rooms.taken;
  }
}

/** The rooms of all regions. */
export class Rooms {
  /** The places in use, over all regions. */
  taken = 0;
  /** By region; bounded by the catalogue. */
  readonly #rooms = new Map<string, Room>();

  of(region: string): Room {
    const room = this.#rooms.get(region) ?? new Room(this);
    this.#rooms.set(region, room);
    return room;
  }

  wake(): void {
    for (const room of this.#rooms.values()) room.wake();
  }
}
