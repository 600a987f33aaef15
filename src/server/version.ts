/** What /version answers: the Kubernetes API this server speaks. */
export const VERSION = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.0+dhow',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: `node ${process.version}`,
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
} as const
