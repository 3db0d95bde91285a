/** The endpoints of a region. */
export interface Region {
  readonly name: string;
  /** Base URL of CCE, without a trailing slash. */
  readonly cce: string;
  /** Base URL of IAM, without a trailing slash and without `/v3`. */
  readonly iam: string;
}

export interface RegionEntry {
  readonly cce: string;
  readonly iam: string;
}

interface PublicCloud {
  readonly cloud: string;
  /** CCE answers at `cce.REGION.DOMAIN`, IAM at `iam.REGION.DOMAIN`. */
  readonly domain: string;
  readonly regions: readonly string[];
}

/** Regions that the SDKs of Huawei Cloud list for CCE (services/cce/v3/region), without the ambiguous ones. */
const HUAWEI_CLOUD = [
  'af-north-1',
  'af-south-1',
  'ap-southeast-1',
  'ap-southeast-2',
  'ap-southeast-3',
  'ap-southeast-4',
  'ap-southeast-5',
  'cn-east-2',
  'cn-east-3',
  'cn-east-4',
  'cn-east-5',
  'cn-north-1',
  'cn-north-11',
  'cn-north-12',
  'cn-north-2',
  'cn-north-4',
  'cn-north-9',
  'cn-south-1',
  'cn-south-2',
  'cn-south-4',
  'cn-southwest-2',
  'la-north-2',
  'la-south-2',
  'me-east-1',
  'na-mexico-1',
  'ru-northwest-2',
  'sa-brazil-1',
  'tr-west-1',
];

/** The built-in regions and their clouds. */
export const PUBLIC_CLOUDS: readonly PublicCloud[] = [
  { cloud: 'Huawei Cloud', domain: 'myhuaweicloud.com', regions: HUAWEI_CLOUD },
  { cloud: 'Huawei Cloud Europe', domain: 'myhuaweicloud.eu', regions: ['eu-west-101'] },
  { cloud: 'Open Telekom Cloud', domain: 'otc.t-systems.com', regions: ['eu-de', 'eu-nl'] },
];

/** Huawei Cloud and a partner's own cloud both have a region of this name. */
const AMBIGUOUS: ReadonlySet<string> = new Set(['ae-ad-1', 'eu-west-0', 'my-kualalumpur-1', 'ru-moscow-1']);

/** The regions that a CloudJob can name: the public ones, and those of the operator's configuration. */
export class Regions {
  readonly #byName = new Map<string, Region>();

  /** `configured` entries must be valid (`checkEndpoint`); they replace public ones of the same name. */
  constructor(configured: Readonly<Record<string, RegionEntry>> = {}) {
    for (const { domain, regions } of PUBLIC_CLOUDS) {
      for (const name of regions) {
        this.#add(name, { cce: `https://cce.${name}.${domain}`, iam: `https://iam.${name}.${domain}` });
      }
    }
    for (const [name, entry] of Object.entries(configured)) this.#add(name, entry);
  }

  find(name: string): Region | undefined {
    return this.#byName.get(name);
  }

  /** In alphabetical order. */
  names(): string[] {
    return [...this.#byName.keys()].toSorted();
  }

  #add(name: string, { cce, iam }: RegionEntry): void {
    // IAM's documents write its endpoint with and without the version.
    this.#byName.set(name, {
      name,
      cce: withoutSlash(cce),
      iam: withoutSlash(withoutSlash(iam).replace(/\/v3$/, '')),
    });
  }
}

/**
 * Why the catalogue lacks the region, and the remedy, for a person; `problem` goes on after the region's name. A password must
 * not reach another company because two clouds have regions of one name.
 */
export function missingRegion(name: string): { readonly problem: string; readonly remedy: string } {
  return AMBIGUOUS.has(name)
    ? {
        problem: 'is a region of more than one cloud',
        remedy: `have the addresses of the cloud that you mean added to the operator's configuration (regions.${name})`,
      }
    : {
        problem: "is not in the operator's region catalogue",
        remedy: "correct it, or have the region added to the operator's configuration",
      };
}

/**
 * What is wrong with the address of an endpoint, for a person; undefined when nothing is. Plain HTTP would send
 * credentials unencrypted, so it is allowed only for this machine.
 */
export function checkEndpoint(address: string): string | undefined {
  if (!URL.canParse(address)) return 'must be a URL such as https://cce.eu-de.otc.t-systems.com';
  const url = new URL(address);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    return 'must begin with https:// (http:// is allowed for loopback addresses only)';
  }
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password';
  // An empty query or fragment leaves no trace in the parsed URL.
  if (/[?#]/.test(address)) return 'must not contain a query or a fragment';
  if (address.includes('%')) return 'must not contain percent signs';
  if (url.pathname.includes('/auth/')) return 'must end before /v3/auth/tokens: that part is added';
  return undefined;
}

/** The URL parser has already normalized every spelling of an IPv4 address to four decimal numbers. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, '');
}
