// The same work on BullMQ: bullmq.js noop|http|pace <folder of our programs>; rows "bullmq <figure> <value> <unit>".
// A redis-server of its own with an append-only file, a worker in a process of its own, and this process as the producer.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Queue, Worker } from 'bullmq';

const CONCURRENCY = 32, BURST = 20000, CALLS = 5000, PER_S = 200, PACED = 2000, BULK = 1000;
const TEXT = 'Gannets are seabirds that dive from thirty metres, closing their wings just before they enter the water.';
const PAYLOAD_BYTES = 282;
const [, , mode, bin, ...rest] = process.argv;
const now = () => performance.timeOrigin + performance.now();
const row = (figure, value, unit) => console.log(`bullmq ${figure} ${value.toPrecision(6)} ${unit}`);

// As long as the other system's: padded with a name that nobody reads.
function payload(id, model) {
	const job = { job_id: id, model, template: 'Summarise in one sentence: {{text}}', context: { text: TEXT }, user_id: '' };
	job.user_id = 'u'.repeat(PAYLOAD_BYTES - JSON.stringify(job).length);
	return job;
}

const freePort = () => new Promise((done) => {
	const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
});

async function listens(port) {
	for (;;) {
		const ok = await new Promise((done) => {
			const s = net.connect(port, '127.0.0.1', () => { s.destroy(); done(true); }).on('error', () => done(false));
		});
		if (ok) return;
		await new Promise((r) => setTimeout(r, 20));
	}
}

const agent = new http.Agent({ keepAlive: true, maxSockets: CONCURRENCY });
function ask(port, prompt) {
	const body = JSON.stringify({ model: 'gpt-fake', messages: [{ role: 'user', content: prompt }] });
	return new Promise((done, fail) => {
		const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), authorization: 'Bearer bench' };
		const r = http.request({ host: '127.0.0.1', port, path: '/v1/chat/completions', method: 'POST', agent, headers }, (res) => {
			const parts = [];
			res.on('data', (d) => parts.push(d)).on('end', () => {
				if (res.statusCode !== 200) return fail(new Error(`HTTP ${res.statusCode}`));
				const answer = JSON.parse(Buffer.concat(parts));
				done({ text: answer.choices[0].message.content, usage: answer.usage });
			});
		});
		r.on('error', fail).end(body);
	});
}

// ---- the worker: tells its parent when the last of `expected` jobs is completed
function work(redisPort, expected, providerPort) {
	let completed = 0, first = 0;
	const took = [];
	const render = (data) => data.template.replace(/{{(\w+)}}/g, (_, name) => data.context[name]);
	const worker = new Worker('bench', async (job) => {
		const prompt = render(job.data);
		return providerPort ? ask(providerPort, prompt) : { text: `simulated: ${prompt}` };
	}, { connection: { host: '127.0.0.1', port: redisPort }, concurrency: CONCURRENCY });
	worker.on('completed', (job) => {
		const at = now();
		first ||= at;
		if (job.data.sent) took.push(at - job.data.sent);
		if (++completed === expected) process.send({ first, last: at, took, rss: process.memoryUsage().rss });
	});
	worker.on('failed', (job, e) => { console.error(e); process.exit(1); });
	worker.on('ready', () => process.send('ready'));
}

// ---- the producer
async function burst(queue, n, model) {
	const from = now();
	for (let i = 0; i < n; i += BULK) {
		const jobs = [];
		for (let k = i; k < i + BULK && k < n; k++) jobs.push({ name: 'job', data: payload(`burst-${k}`, model) });
		await queue.addBulk(jobs);
	}
	return n / (now() - from) * 1000;
}

async function pace(queue) {
	const from = now(), added = [];
	for (let i = 0; i < PACED; i++) {
		const wait = from + i * 1000 / PER_S - now();
		if (wait > 0) await new Promise((r) => setTimeout(r, wait));
		const data = payload(`pace-${i}`, 'simulated');
		added.push(queue.add('job', { ...data, sent: now() }));
	}
	await Promise.all(added);
}

const quantile = (v, q) => v.sort((a, b) => a - b)[Math.min(v.length - 1, Math.floor(q * v.length))];

async function measure() {
	const folder = mkdtempSync(path.join(tmpdir(), 'bench-peers-'));
	const redisPort = await freePort(), providerPort = mode === 'http' ? await freePort() : 0;
	const children = [spawn('redis-server', ['--bind', '127.0.0.1', '--port', redisPort, '--dir', folder, '--save', '', '--appendonly', 'yes',
		'--appendfsync', 'everysec'], { stdio: 'ignore' })];
	if (providerPort) children.push(spawn(path.join(bin, 'gannet-fakeprovider'), [], { stdio: 'ignore', env: { ...process.env, PORT: providerPort, LOG_LEVEL: 'WARN' } }));
	process.on('exit', () => { children.forEach((c) => c.kill('SIGKILL')); rmSync(folder, { recursive: true, force: true }); });
	await listens(redisPort);
	if (providerPort) await listens(providerPort);
	const queue = new Queue('bench', { connection: { host: '127.0.0.1', port: redisPort } });
	await queue.waitUntilReady();
	const expected = mode === 'noop' ? BURST : mode === 'http' ? CALLS : PACED;
	const start = () => {
		const w = spawn(process.execPath, [process.argv[1], 'worker', bin, redisPort, expected, providerPort], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
		const ready = new Promise((done) => w.once('message', done));
		const result = new Promise((done, fail) => {
			w.on('message', (m) => m !== 'ready' && done(m));
			w.on('exit', () => fail(new Error('the worker ended')));
		});
		children.push(w);
		return { ready, result };
	};
	if (mode === 'pace') {
		const w = start();
		await w.ready;
		await pace(queue);
		const r = await w.result;
		row('paced_p50_ms', quantile(r.took, 0.5), 'ms');
		row('paced_p99_ms', quantile(r.took, 0.99), 'ms');
	} else {
		const rate = await burst(queue, expected, mode === 'http' ? 'gpt-fake' : 'simulated');
		if (mode === 'noop') row('enqueued_per_s', rate, '1/s');
		const r = await start().result;
		row(`${mode}_jobs_per_s`, (expected - 1) / (r.last - r.first) * 1000, '1/s');
		row(`${mode}_worker_rss`, r.rss / 1048576, 'MiB');
	}
	process.exit(0);
}

if (mode === 'worker') work(Number(rest[0]), Number(rest[1]), Number(rest[2]));
else if (mode === 'versions') {
	const version = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
	console.log(`bullmq ${version('bullmq')}, ioredis ${version('ioredis')}, node ${process.versions.node}`);
} else await measure();
