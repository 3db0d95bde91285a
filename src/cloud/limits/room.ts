/** Calls under way at a time: as many as a shard has workers. */
const CALLS = 64;

/** Who waits for room. */
export interface Waiter {
  /** There may be room now: try again. Must not throw. */
  hasRoom(): void;
}

/**
 * Room for the calls under way to one region, and for the workers that wait for them. A region may have as many as are left
 * over: one alone half of all, two a third each, and so on. So there is always room for another one, however slow the others are.
 */
export class Room {
  #taken = 0;
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiter>();

  constructor(private readonly rooms: Rooms) {}

  /** Takes the place of one call; `leave` ends that. When there is none, the waiter is called as soon as there may be. */
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
  /** Of all regions together. */
  taken = 0;
  /** By region; there are as many as the catalogue has. */
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
