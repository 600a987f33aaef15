import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import packageFile from '../../package.json' with { type: 'json' }
import { errorText } from '../base/index.ts'
import { processContext } from './context.ts'

/** Runs a command line; resolves to the exit code. Each command's code is loaded only when it runs. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const context = processContext()
  try {
    await makeProgram(context).parseAsync([...argv])
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    context.terminal.err.write(`dhow: ${errorText(error)}\n`)
    return 1
  }
}

const { version } = packageFile

type Context = ReturnType<typeof processContext>

function makeProgram(context: Context): Command {
  const program = new Command('dhow')
  program
    .description('Kubernetes, written in TypeScript: a cluster with one command')
    .version(version, '--version', 'print the version')
    .exitOverride()
    .showHelpAfterError('(try --help)')
  clusterCommands(program, context)
  objectCommands(program, context)
  imageCommands(program, context)
  return program
}

function number(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('expected a whole number')
  return Number(text)
}

const collect = (value: string, before: string[] = []) => [...before, value]

const nameOption = () => new Option('--name <name>', 'which cluster').default('dhow').env('DHOW_NAME')
const dataDirOption = () =>
  new Option('--data-dir <dir>', 'where its state is kept (default: /var/lib/dhow/<name>)').env(
    'DHOW_DATA_DIR',
  )

function clusterCommands(program: Command, context: Context): void {
  const cluster = (command: Command) => command.addOption(nameOption()).addOption(dataDirOption())
  cluster(program.command('up'))
    .description('start a cluster on this machine, or repair it; changes nothing when it runs')
    .option('-f, --filename <path>', 'then apply these manifests (a file or a folder; repeatable)', collect)
    .option('--nodes <n>', 'how many nodes on this machine (default: 1)', number)
    .option('--no-install', 'do not install missing packages: name them and stop')
    .option('--api-port <port>', 'of the API server (default: 6443)', number)
    .option('--pod-cidr <cidr>', 'network of the pods (default: 10.244.0.0/16)')
    .option('--service-cidr <cidr>', 'network of the Services (default: 10.96.0.0/16)')
    .option('--node-cidr <cidr>', "network of this machine's nodes (default: 10.90.0.0/24)")
    .option('--cluster-domain <domain>', 'of the cluster DNS (default: cluster.local)')
    .option(
      '--insecure-registry <host:port>',
      'pull from this registry over plain HTTP (repeatable)',
      collect,
    )
    .option('--no-kubeconfig', 'leave the kubeconfig of the user alone')
    .option('--timeout <seconds>', 'give up waiting for the nodes or the rollouts after', number, 180)
    .action(async (options) => (await import('./up.ts')).upCommand(options, context))
  cluster(program.command('down'))
    .description('stop a cluster and remove everything of it from the machine but its data')
    .option('--purge', 'delete its data too')
    .option('--grace <seconds>', 'how long containers have to end', number, 10)
    .action(async (options) => (await import('./down.ts')).downCommand(options, context))
  cluster(program.command('status'))
    .description('say what runs, what is wrong and what to do')
    .action(async (options) => (await import('./status.ts')).statusCommand(options, context))
  program
    .command('install')
    .description('install what this machine lacks (up does it by itself)')
    .option('--dry-run', 'only say what is missing, and why')
    .action(async (options) => (await import('./install.ts')).installCommand(options, context))
  cluster(program.command('kubeconfig'))
    .description('print the kubeconfig of a cluster')
    .action(async (options) => (await import('./kubeconfig.ts')).kubeconfigCommand(options, context))
}

function imageCommands(program: Command, context: Context): void {
  const image = program.command('image').description('images of the nodes of this machine')
  const cluster = (command: Command) => command.addOption(nameOption()).addOption(dataDirOption())
  const commands = () => import('./image.ts')
  cluster(image.command('import <file...>'))
    .description('import OCI or docker archives into every node')
    .action(async (files, options) => (await commands()).importCommand(files, options, context))
  cluster(image.command('list'))
    .description('list the images of every node')
    .action(async (options) => (await commands()).listCommand(options, context))
  cluster(image.command('remove <name...>'))
    .description('remove images from every node')
    .action(async (names, options) => (await commands()).removeCommand(names, options, context))
  cluster(image.command('build <recipe>'))
    .description('build images from files of this machine, and import them (see examples/README.md)')
    .option('-o, --output <dir>', 'write archives there instead of importing them')
    .action(async (recipe, options) => (await commands()).buildCommand(recipe, options, context))
}

function objectCommands(program: Command, context: Context): void {
  const objects = (command: Command) => {
    return command
      .addOption(nameOption())
      .addOption(dataDirOption())
      .option('-n, --namespace <namespace>', 'of the objects (default: default)')
  }
  objects(program.command('apply'))
    .description('create what manifests describe, or change it to what they describe')
    .option('-f, --filename <path>', 'a file, a folder, or - for stdin (repeatable)', collect)
    .action(async (options) => (await import('./apply-command.ts')).applyCommand(options, context))
  objects(program.command('get <type> [name...]'))
    .description('list objects: dhow get pods, dhow get deployment/web -o yaml')
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('-o, --output <format>', 'wide, yaml, json or name')
    .option('-l, --selector <labels>', 'only those with these labels')
    .option('--field-selector <fields>', 'only those with these fields')
    .option('-w, --watch', 'go on printing what changes')
    .action(async (type, names, options) =>
      (await import('./get.ts')).getCommand([type, ...names], options, context),
    )
  objects(program.command('describe <type> [name...]'))
    .description('say all about objects, with their events')
    .option('-l, --selector <labels>', 'only those with these labels')
    .action(async (type, names, options) =>
      (await import('./describe.ts')).describeCommand([type, ...names], options, context),
    )
  objects(program.command('logs <pod>'))
    .description("print a container's output: dhow logs web-1, dhow logs deployment/web -f")
    .option('-c, --container <container>', 'which of the pod')
    .option('-f, --follow', 'go on printing')
    .option('-p, --previous', 'of the run before the last restart')
    .option('--timestamps', 'with the time of each line')
    .option('--tail <lines>', 'only the last lines', number)
    .option('--since <seconds>', 'only what is younger', number)
    .action(async (pod, options) => (await import('./logs.ts')).logsCommand(pod, options, context))
  objects(program.command('exec <pod> [command...]'))
    .description('run a command in a container: dhow exec -it web-1 -- sh')
    .option('-c, --container <container>', 'which of the pod')
    .option('-i, --stdin', 'pass the standard input on')
    .option('-t, --tty', 'as a terminal')
    .action(async (pod, command, options) =>
      (await import('./exec.ts')).execCommand(pod, command, options, context),
    )
  objects(program.command('delete [type] [name...]'))
    .description('delete objects: dhow delete pod web-1, dhow delete -f FILE')
    .option('-f, --filename <path>', 'what these manifests describe (repeatable)', collect)
    .option('--grace-period <seconds>', 'how long pods have to end', number)
    .option('--force', 'end pods at once')
    .option('--ignore-not-found', 'absent objects are no error')
    .option('--no-wait', 'do not wait until they are gone')
    .option('--timeout <seconds>', 'give up waiting after', number)
    .action(async (type, names, options) =>
      (await import('./delete.ts')).deleteCommand([...(type ? [type] : []), ...names], options, context),
    )
  objects(program.command('wait <type> [name...]'))
    .description('wait for objects: dhow wait pod/web --for condition=Ready')
    .requiredOption('--for <what>', 'delete, create or condition=NAME[=VALUE]')
    .option('--timeout <seconds>', 'give up after', number, 30)
    .action(async (type, names, options) =>
      (await import('./wait.ts')).waitCommand([type, ...names], options, context),
    )
  objects(program.command('rollout <verb> <deployment>'))
    .description('status, history, undo, restart, pause or resume of a Deployment')
    .option('--timeout <seconds>', 'of status: give up after', number)
    .option('--to-revision <revision>', 'of undo: which (default: the one before)', number)
    .action(async (verb, deployment, options) =>
      (await import('./rollout.ts')).rolloutCommand(verb, deployment, options, context),
    )
}
