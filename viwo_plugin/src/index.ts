/** Gives a viwo world pictures: `await pluginManager.loadPlugin(new ImagegenPlugin())`. */

import type { Plugin, PluginContext } from "@viwo/core";
import { TYPES, type Workshop, register } from "./capabilities";
import { SharedHome } from "./home";
import { Studio } from "./painting";
import { Portraits } from "./picture_of";
import * as promises from "./promised";
import { RemoteHome } from "./remote_home";
import { registerRpc } from "./rpc";
import { type Connection, Sidecar, connectionFromEnvironment } from "./sidecar";
import { Turnstile } from "./turnstile";
import { beWithinReach, repairRooms, surviveScripts, worldId } from "./world";

const FIRST_RETRY = 250;
const LAST_RETRY = 10_000;
/** While all is well the methods are asked for again this often, in milliseconds: a new sidecar may have more. */
const REFRESH = 60_000;

export interface Options extends Partial<Connection> {
  /** Calls of one entity under way at once. */
  callsPerCaller?: number;
  /** Calls of the whole world under way at once. */
  callsInAll?: number;
}

export class ImagegenPlugin implements Plugin {
  name = "imagegen";
  version = "0.1.0";
  readonly #options: Options;
  #sidecar: Sidecar | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #prototype = 0;
  #address = "";
  /** Whether the sidecar was there when last asked; undefined before. */
  #isThere: boolean | undefined;
  #hasResumed = false;
  #unguard = () => {};

  constructor(options: Options = {}) {
    this.#options = options;
  }

  /** Whether the sidecar has told what it can do. */
  get connected(): boolean {
    return this.#prototype > 0;
  }

  onLoad(context: PluginContext): void {
    try {
      this.#open(context);
    } catch (error) {
      // viwo does not start where a plugin's onLoad throws; a world without pictures is better than none.
      console.error(`[imagegen] there will be no pictures: ${error instanceof Error ? error.message : error}`);
    }
  }

  #open(context: PluginContext): void {
    const { callsPerCaller = 8, callsInAll = 64, ...given } = this.#options;
    const connection = { ...connectionFromEnvironment(), ...given };
    const { statementKeyFile } = connection;
    beWithinReach();
    repairRooms();
    promises.prepare();
    const world = worldId();
    const sidecar = new Sidecar(connection, world);
    const turnstile = new Turnstile(callsPerCaller, callsInAll);
    const players = () => context.core.getOnlinePlayers();
    const home = statementKeyFile ? new RemoteHome(sidecar, statementKeyFile, world) : new SharedHome(sidecar);
    const methods: Workshop["methods"] = new Map();
    const known = (type: string, method: string) => methods.get(type)?.get(method);
    const studio = new Studio(sidecar, home, turnstile, () => this.#prototype, players, known);
    const portraits = new Portraits(sidecar, home);
    const workshop: Workshop = { sidecar, home, turnstile, studio, portraits, methods, players };
    this.#sidecar = sidecar;
    this.#address = `${connection.address} as world ${world}`;
    this.#unguard = surviveScripts();
    for (const type of TYPES) {
      registerOrSay(type, workshop);
    }
    registerRpc(context, workshop);
    void this.#keepKnowing(sidecar, workshop, FIRST_RETRY);
  }

  onUnload(): void {
    clearTimeout(this.#timer);
    this.#unguard();
    this.#sidecar?.close();
  }

  #tellConnected(methods: number): void {
    if (!this.#isThere) {
      console.log(`[imagegen] connected to ${this.#address}: ${methods} methods`);
    }
    this.#isThere = true;
  }

  /** Learns what the sidecar can do, as soon as it is there and now and then after; the world does not wait for it. */
  async #keepKnowing(sidecar: Sidecar, workshop: Workshop, wait: number): Promise<void> {
    let next = REFRESH;
    try {
      const methods = await sidecar.methods();
      this.#prototype = await workshop.home.install();
      for (const type of new Set(methods.map((method) => method.type))) {
        if (!workshop.methods.has(type) && !(TYPES as readonly string[]).includes(type)) {
          registerOrSay(type, workshop);
        }
        const own = methods.filter((method) => method.type === type);
        workshop.methods.set(type, new Map(own.map((method) => [method.name, method])));
      }
      await workshop.home.forgetGone();
      this.#tellConnected(methods.length);
      if (!this.#hasResumed) {
        this.#hasResumed = true;
        workshop.studio.resume();
      }
    } catch (error) {
      if (this.#isThere !== false) {
        this.#isThere = false;
        console.warn(`[imagegen] the sidecar is not there: ${error instanceof Error ? error.message : error}`);
      }
      next = this.connected ? REFRESH : wait;
    }
    this.#timer = setTimeout(() => {
      void this.#keepKnowing(sidecar, workshop, Math.min(wait * 2, LAST_RETRY));
    }, next);
    this.#timer.unref?.();
  }
}

function registerOrSay(type: string, workshop: Workshop): void {
  try {
    register(type, workshop);
  } catch (error) {
    console.error(
      `[imagegen] capability '${type}' belongs to another plugin; take @viwo/plugin-diffusers out of the server's start ` +
        `(${error instanceof Error ? error.message : error})`,
    );
  }
}
