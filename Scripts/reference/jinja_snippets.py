#!/usr/bin/env python3
"""Renders small templates with Jinja2, as transformers sets it up.

Writes Tests/JinjaTests/Fixtures/jinja-snippets.json: each template, its values and its text, or
the kind of its error. Versions: requirements.txt.
"""

import json
import pathlib
import re

from jinja_environment import render, utils

VALUES = {
    "n": 3, "m": -7, "z": 0, "f": 2.5, "g": -0.125, "big": 1e16, "tiny": 1.5e-7, "t": True,
    "none_value": None, "s": "Hello World", "e": "", "sp": "  a b\tc \n", "u": "Ünïcödé é \U0001f44d",
    "q": "it's", "qq": "both ' and \"", "html": "<a href=\"x\">&'</a>", "lines": "one\ntwo\r\nthree\n\nfive",
    "l": [3, 1, 2], "ls": ["b", "A", "c", "a"], "le": [], "ll": [[1, 2], [3, 4]], "mixed": [1, "a", None, True, 2.5, [1], {"k": 1}],
    "d": {"a": 1, "b": {"c": [10, 20]}, "items": "shadowed", "é": "composed", "e\u0301": "decomposed"},
    "de": {}, "users": [
        {"name": "Bob", "age": 30, "active": True, "tag": {"x": 2}},
        {"name": "ann", "age": 25, "active": False, "tag": {"x": 1}},
        {"name": "Cid", "age": 30, "active": True},
    ],
    "huge": 123456789012345678901234567890,
    "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo é"},
                 {"role": "user", "content": "Bye"}],
}

SNIPPETS = r"""
== white space
a {{ n }} b
{{ n }}
{{- n -}} x
  {{- n }}  {{ n -}}  y
  {% if t %}  
yes
  {% endif %}
no
{% if t -%}
   yes
{%- endif %}  tail
   {%+ if t %}
yes
   {%+ endif %}
end
{% if t +%}
yes
{% endif +%}
end
{# comment #}
after
   {# comment #}  
after
a {#- comment -#} b
a {#+ comment +#}
b
x{# multi
line #}
y
{% raw %}{{ n }} {% if %}{% endraw %}
{% raw -%}  {{ n }}  {%- endraw %} x
  {% raw %}
kept
  {% endraw %}
done
{%- raw %} a {% endraw -%}   b
line

{{ n }}

{% for i in l %}
  - {{ i }}
{% endfor %}
x {% for i in l %}{{ i }}{% endfor %}
   x {% set a = 1 %}
{{ a }}
{% set a = 1 %}


{{ a }}
a
	{% if t %}tab{% endif %}
{{ "a" }}{{ "b" }}
 {%- if t %} x{% endif -%} 
{{ '{{' }} {{ '%}' }} {{ "#}" }}
{ { n } }
{% if t %}}{% endif %}
{{ {'a': {'b': 1}}['a']['b'] }}
{{ {'a': {'b': 1}} }}
{{ [{}] }}{{ {} }}
text {
text {%
{{ n
{% if t
{#
{# open
{% raw %} x
{{ }}
{% %}
{% if t %}
{% endif %}x
{% endfor %}
{% for %}
{% unknown %}
{% if t %}{% endfor %}
{% if t %}{% else %}
{% else %}
{{ n } }}
{{ (n }}
{{ [n) }}
{{ n) }}
== literals
{{ 1 }} {{ 1.0 }} {{ 1e3 }} {{ 1.5e-3 }} {{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1_0.5_0 }}
{{ 00 }}
{{ 1e16 }} {{ 1e15 }} {{ 123456789.123 }} {{ 1e-5 }} {{ 0.0001 }} {{ 1e100 }} {{ 0.1 + 0.2 }}
{{ "a\tb\n\\ \x41 \u00e9 \101 \q \'" }}
{{ 'single "double"' }} {{ "double 'single'" }}
{{ "con" "cat" 'ed' }}
{{ "\é \€" }}
{{ "bad \x4" }}
{{ "unterminated }}
{{ true }} {{ True }} {{ false }} {{ none }} {{ None }} {{ False }}
{{ [] }} {{ [1] }} {{ [1, 'a', none,] }} {{ () }} {{ (1,) }} {{ (1, 2) }} {{ 1, 2 }}
{{ {} }} {{ {'a': 1, "b": [1, 2], 3: none, (1, 2): 'x'} }}
{{ {'a': 1, 'b': 2, 'a': 3} }} {{ {1: 'a', 1.0: 'b', true: 'c'} }}
{{ {[1]: 2} }}
{{ "é" == "é" }} {{ d }}
{{ d['é'] }} {{ d["é"] }}
{{ big }} {{ tiny }} {{ f }} {{ g }} {{ 3.0 }} {{ -0.0 }}
{{ huge }} {{ huge > 5 }} {{ [huge] }} {{ huge is integer }} {{ huge is number }} {{ huge|tojson }}
{{ q }} {{ [q] }} {{ [qq] }} {{ [s, lines, sp] }} {{ [u] }} {{ ["\x00\x7f\u200b\u2028\U000e0001\ue000\xad"] }}
{{ mixed }} {{ [t, none_value] }}
== arithmetic
{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }}
{{ 2 ** 3 ** 2 }} {{ 2 ** -1 }} {{ 2 ** 0.5 }} {{ -2 ** 2 }} {{ (-2) ** 2 }} {{ 2.5 // 1 }} {{ -2.5 // 1 }} {{ -2.5 % 1 }} {{ 5.5 % -2 }} {{ 0.0 // 5 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 1.0 // 0 }}
{{ 0 ** -1 }}
{{ 10.0 ** 400 }}
{{ 'a' + 'b' }} {{ 'ab' * 3 }} {{ 2 * 'ab' }} {{ 'ab' * -1 }} {{ [1] + [2] }} {{ [1] * 2 }} {{ (1,) + (2,) }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] + (2,) }}
{{ none + 1 }}
{{ {} + {} }}
{{ true + true }} {{ true * 'x' }} {{ -true }} {{ +f }} {{ -n }} {{ - -n }}
{{ -s }}
{{ +none }}
{{ 1 ~ 'a' ~ none ~ 2.0 ~ [1] ~ undefined_thing ~ true }}
{{ 1 + 2 ~ 3 + 4 }} {{ 'a' ~ 1 + 2 }}
{{ '%s is %d and %.2f' % ('x', 3, 2.5) }} {{ '%s' % 'a' }} {{ '%s' % [1] }} {{ '%(a)s-%(b)05d' % {'a': 'x', 'b': 7} }}
{{ '%5s|%-5s|%05d|%+d|% d|%x|%X|%o|%#x|%e|%g|%G|%c|%r|%%' % ('a', 'b', 42, 5, 6, 255, 255, 8, 255, 12345.678, 0.0001, 1e20, 'z', "it's") }}
{{ '%d' % 'a' }}
{{ '%s %s' % ('a',) }}
{{ '%s' % ('a', 'b') }}
{{ 'abc' % 5 }}
{{ 'abc' % {'a': 1} }} {{ 'abc' % [] }}
{{ '%(x)s' % {'a': 1} }}
{{ '%.3s|%5.1f|%-8.3e|%3d%%' % ('abcdef', 2.25, 1234.5, 50) }}
{{ '%*d' % (5, 42) }} {{ '%i %u' % (3.9, -2) }}
{{ '%y' % 1 }}
{{ '%' % () }}
{{ 9223372036854775807 - 1 }} {{ -9223372036854775807 }}
== comparison and logic
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ 1 == true }} {{ 'a' < 'b' }} {{ 'a' == 1 }} {{ [1, 2] < [1, 3] }} {{ [1] < [1, 0] }} {{ (1, 2) == (1, 2) }} {{ [1] == (1,) }}
{{ 1 < 'a' }}
{{ none < 1 }}
{{ [1] < 2 }}
{{ {} < {} }}
{{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }} {{ none == none }} {{ none == false }} {{ undefined_a == undefined_b }} {{ undefined_a == none }} {{ undefined_a != 1 }}
{{ undefined_a < 1 }}
{{ 'a' in 'abc' }} {{ 1 in [1] }} {{ 1.0 in [1] }} {{ 'a' in d }} {{ 'x' not in d }} {{ 'é' in d }} {{ '' in 'a' }} {{ none in [none] }} {{ 2 in range(3) }} {{ 'a' in undefined_a }}
{{ 1 in 'abc' }}
{{ 1 in 5 }}
{{ 'a' in none }}
{{ [] in d }}
{{ not 1 }} {{ not '' }} {{ 1 and 2 }} {{ 0 and 2 }} {{ 0 or 'x' }} {{ 1 or 2 }} {{ not not n }} {{ not n in l }} {{ not (n in l) }} {{ 1 and 0 or 5 }}
{{ 'a' if t else 'b' }} {{ 'a' if z else 'b' }} {{ 'a' if z }}|{{ ('a' if z) is defined }} {{ 'a' if z else 'b' if z else 'c' }}
{{ ('a' if z) + 'x' }}
{{ ('a' if z).foo }}
{{ 1 if 2 if 0 else 3 else 4 }}
{{ [] and 1 }} {{ {} or 2 }} {{ 0.0 or 3 }} {{ range(0) or 4 }} {{ range(1) and 5 }}
{{ 3 > 2 > 1 }} {{ 3 >= 3 }} {{ 3 <= 2.9 }} {{ 'b' >= 'a' }} {{ 3 != 3 }} {{ 1 < 2 == 2 }}
== access
{{ d.a }} {{ d['a'] }} {{ d.b.c[1] }} {{ d.b.c[-1] }} {{ d.b['c'].0 }} {{ d.missing }}|{{ d['missing'] }}|{{ l[10] }}|{{ l['x'] }}
{{ d.items }}
{{ d['items'] }} {{ d.items() }} {{ d.keys() }} {{ d.values() }} {{ de.items() }}
{{ d.missing.more }}
{{ d.missing['more'] }}
{{ missing.attr }}
{{ missing['attr'] }}
{{ missing() }}
{{ d.missing() }}
{{ d.a() }}
{{ d['missing'] + 1 }}
{{ none_value.x }}|{{ none_value['x'] }}|{{ none_value[0] }}
{{ none_value.x.y }}
{{ n.x }}|{{ n[0] }}|{{ n.real }} {{ n.imag }} {{ n.numerator }} {{ f.is_integer() }} {{ f.real }} {{ n.bit_length() }} {{ t.real }}
{{ n[0].x }}
{{ l[9].x }}
{{ s[0] }} {{ s[-1] }} {{ s[100] }}| {{ u[0] }} {{ u[-1] }} {{ u[8] }} {{ u|length }}
{{ s[1:3] }} {{ s[:-3] }} {{ s[::-1] }} {{ s[::2] }} {{ s[5:2] }} {{ s[-3:] }} {{ l[1:] }} {{ l[::-1] }} {{ l[:100] }} {{ l[-2:-1] }} {{ u[1:4] }} {{ (1, 2, 3)[1:] }} {{ l[:] }} {{ s[2:8:3] }} {{ l[5:1:-1] }} {{ s[-100:2] }}
{{ l[::0] }}
{{ d[1:2] }}
{{ none_value[1:] }}
{{ n[:1] }}
{{ l['a':] }}
{{ missing[1:] }}
{{ l[true] }} {{ l[1.0] }}|{{ d[none] }}|{{ d[[1]] }}|
{{ l.append(1) }}
{{ l.append is defined }} {{ l['append'] is defined }} {{ d.update is defined }} {{ d.pop }}|
{{ d.update({'x': 1}) }}
{{ d.pop('a') }}
{{ d.setdefault('a', 1) }}
{{ l.sort() }}
{{ l.pop() }}
{{ d.__class__ }}|{{ s.__class__ }}|{{ l.__len__ }}|
{{ d.__class__.__mro__ }}
{{ s.__class__() }}
{{ ''.join.__self__ }}
{{ d.get('a') }} {{ d.get('x') }} {{ d.get('x', 5) }} {{ d.get('b', {}).get('c') }}
{{ d.get() }}
{{ d.get('a', 1, 2) }}
{{ d.get('a', default=1) }}
{{ d.get([1]) }}
{{ l.index(1) }} {{ l.count(1) }} {{ (1, 2).index(2) }} {{ [1, 1].count(1) }}
{{ l.index(99) }}
{{ l.copy() }} {{ de.copy() }}
{{ d.a.b.c }}
{{ users[0].name }} {{ users.0.name }} {{ users[0]['tag'].x }} {{ users[2].tag.x }}
{{ s.upper }}
{{ s.foo }}|{{ s['foo'] }}|{{ l.foo }}
{{ s.foo.bar }}
{{ l.foo() }}
{{ range(3).foo }}|{{ range(3)[1] }} {{ range(3)[-1] }} {{ range(3)[5] }}|{{ range(10)[2:4] }}
== methods of texts
{{ sp.strip() }}|{{ sp.lstrip() }}|{{ sp.rstrip() }}| {{ 'xxaxx'.strip('x') }} {{ 'abcba'.lstrip('ab') }} {{ 'abcba'.rstrip('ab') }} {{ ' a '.strip(none) }}| {{ '\u00a0\u2003a\u3000'.strip() }}|{{ '\u200ba'.strip() }}|{{ 'éaé'.strip('é') }}
{{ s.strip(1) }}
{{ s.split() }} {{ sp.split() }} {{ s.split('o') }} {{ s.split('o', 1) }} {{ s.rsplit('o', 1) }} {{ 'a,b,,c'.split(',') }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a b c d'.split(none, 2) }} {{ 'a b  c '.rsplit(none, 1) }} {{ ' a  b '.split(' ') }} {{ 'a--b--c'.split(sep='--', maxsplit=1) }} {{ 'a b c '.split(maxsplit=1) }}
{{ s.split('') }}
{{ s.split(1) }}
{{ lines.splitlines() }} {{ lines.splitlines(true) }} {{ 'a\x0bb\x1cc\x85d\u2028e'.splitlines() }} {{ ''.splitlines() }} {{ '\n'.splitlines() }} {{ 'a\n\nb'.splitlines(keepends=true) }}
{{ s.startswith('He') }} {{ s.startswith(('x', 'H')) }} {{ s.endswith('ld') }} {{ s.startswith('W', 6) }} {{ s.endswith('lo', 0, 5) }} {{ s.startswith('') }} {{ s.startswith('x', 100) }} {{ u.startswith('ï', 2) }}
{{ s.startswith(1) }}
{{ s.startswith(['H']) }}
{{ s.replace('o', '0') }} {{ s.replace('o', '0', 1) }} {{ s.replace('', '-') }} {{ s.replace('xyz', 'q') }} {{ 'aaa'.replace('aa', 'b') }} {{ s.replace('l', '') }} {{ u.replace('é', 'e') }} {{ 'ab'.replace('', '-', 2) }}
{{ s.replace('a') }}
{{ s.replace(1, 2) }}
{{ s.upper() }} {{ s.lower() }} {{ u.upper() }} {{ 'straße'.upper() }} {{ 'ΑΣ ΑΣΑ'.lower() }} {{ 'İ'.lower() }} {{ 'hello wORLD they\'re'.title() }} {{ 'hELLO'.capitalize() }} {{ 'aBc'.swapcase() }} {{ 'Straße'.casefold() }} {{ 'ǆ'.title() }} {{ 'ﬁx'.capitalize() }}
{{ s.find('o') }} {{ s.find('o', 5) }} {{ s.rfind('o') }} {{ s.find('xyz') }} {{ u.find('é') }} {{ s.index('W') }} {{ s.count('l') }} {{ s.count('') }} {{ 'aaaa'.count('aa') }} {{ s.find('') }} {{ s.rfind('') }} {{ s.find('l', 3, 4) }} {{ s.find('o', -4) }} {{ s.find('', 100) }} {{ s.count('l', 4) }}
{{ s.index('xyz') }}
{{ ', '.join(ls) }} {{ ''.join([]) }} {{ '-'.join('abc') }} {{ ','.join(d) }}
{{ ', '.join([1, 2]) }}
{{ ','.join(5) }}
{{ 'a-b-c'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ 'abc'.partition('-') }} {{ 'abc'.rpartition('-') }}
{{ 'prefix-x'.removeprefix('prefix') }} {{ 'x.txt'.removesuffix('.txt') }} {{ 'x'.removesuffix('') }}
{{ 'ab'.center(7) }}|{{ 'ab'.center(6, '*') }}|{{ 'abc'.center(6, '*') }}|{{ 'a'.ljust(3) }}|{{ 'a'.rjust(3, '0') }}|{{ '-5'.zfill(4) }}|{{ '5'.zfill(3) }}|{{ 'a\tb'.expandtabs(4) }}|{{ 'é'.ljust(3, '.') }}
{{ 'ab'.center(6, '**') }}
{{ '12'.isdigit() }} {{ '1a'.isdigit() }} {{ ''.isdigit() }} {{ 'ab'.isalpha() }} {{ 'a1'.isalnum() }} {{ ' '.isspace() }} {{ 'A'.isupper() }} {{ 'a'.islower() }} {{ 'A b'.istitle() }} {{ 'Ab Cd'.istitle() }} {{ '½'.isnumeric() }} {{ '½'.isdecimal() }} {{ '²'.isdigit() }} {{ 'a'.isascii() }} {{ 'é'.isascii() }} {{ 'a_1'.isidentifier() }} {{ '1a'.isidentifier() }} {{ '\n'.isprintable() }} {{ 'é'.isalpha() }} {{ '1A'.isupper() }} {{ ''.isspace() }}
{{ '{} {}'.format(1, 'a') }} {{ '{1} {0}'.format(1, 2) }} {{ '{a} {b}'.format(a=1, b='x') }} {{ '{{}}'.format() }} {{ '{0[a]} {0.a}'.format(d) }} {{ '{!r} {!s}'.format('a', 'b') }} {{ '{:>5}|{:<5}|{:^5}|{:*^7}'.format('a', 'b', 'c', 'd') }} {{ '{:05d} {:+d} {:x} {:#x} {:b} {:,} {:_}'.format(42, 5, 255, 255, 5, 1234567, 1234567) }} {{ '{:.2f} {:e} {:g} {:%} {:.1%} {:8.3f}|{}'.format(2.5, 12345.678, 0.0001, 0.25, 0.255, 3.14159, 1e20) }} {{ '{:.2}'.format('abc') }} {{ '{:{w}}|'.format('a', w=4) }} {{ '{0[0]}'.format(l) }} {{ '{}'.format(none) }} {{ '{}'.format([1, 'a']) }} {{ '{:5}|{:5}|{:05}'.format(1, true, 3.5) }} {{ '{:.3}'.format(1234.5) }} {{ '{:c}'.format(65) }}
{{ '{} {}'.format(1) }}
{{ '{a}'.format() }}
{{ '{'.format() }}
{{ '}'.format() }}
{{ '{:d}'.format('a') }}
{{ '{:5}'.format(none) }}
{{ '{0} {}'.format(1, 2) }}
{{ '{:.2d}'.format(1) }}
{{ '{0.__class__}'.format(1) }}
{{ '{a}'.format_map({'a': 1}) }}
{{ s.nothing() }}
{{ s.upper(1) }}
{{ s.encode }}
== filters
{{ s|upper }} {{ s|lower }} {{ 'hello wORLD-foo (bar) they\'re'|title }} {{ 'hELLO w'|capitalize }} {{ 5|upper }} {{ none|lower }} {{ undefined_a|upper }}|
{{ sp|trim }}|{{ 'xxaxx'|trim('x') }}|{{ 5|trim }}|{{ undefined_a|trim }}|{{ none|trim }}
{{ l|length }} {{ s|length }} {{ d|length }} {{ le|count }} {{ undefined_a|length }} {{ range(4)|length }} {{ d.items()|length }}
{{ 5|length }}
{{ none|length }}
{{ undefined_a|default('x') }} {{ none|default('x') }} {{ none|default('x', true) }} {{ ''|d('y', boolean=true) }} {{ 0|default(1, true) }} {{ d.zz|default('q') }} {{ d.zz|default }}| {{ undefined_a|default(default_value=3) }}
{{ undefined_a.b|default('x') }}
{{ l|first }} {{ l|last }} {{ le|first }}| {{ le|last }}| {{ s|first }} {{ s|last }} {{ d|first }} {{ d.items()|first }} {{ d|last }}
{{ le|first + 1 }}
{{ 5|first }}
{{ none|last }}
{{ ls|join }} {{ ls|join(', ') }} {{ [1, none, 2.5, true]|join('-') }} {{ users|join(',', attribute='name') }} {{ 'abc'|join('.') }} {{ undefined_a|join(',') }}| {{ d|join('+') }} {{ users|map(attribute='name')|join(d='/') }}
{{ 5|join(',') }}
{{ none|join }}
{{ l|sort }} {{ ls|sort }} {{ ls|sort(case_sensitive=true) }} {{ l|sort(reverse=true) }} {{ users|sort(attribute='age')|map(attribute='name')|list }} {{ users|sort(attribute='age,name', reverse=true)|map(attribute='name')|list }} {{ d.b.c|sort(true) }} {{ 'cab'|sort }} {{ undefined_a|sort }}
{{ mixed|sort }}
{{ users|sort }}
{{ 5|sort }}
{{ l|reverse|list }} {{ s|reverse }} {{ l|reverse }} {{ d|reverse|list }} {{ u|reverse }}
{{ 5|reverse }}
{{ [1, 2, 1, 'a', 'A']|unique|list }} {{ ['a', 'A']|unique(case_sensitive=true)|list }} {{ users|unique(attribute='age')|map(attribute='name')|list }}
{{ [[1], [1]]|unique|list }}
{{ l|min }} {{ l|max }} {{ ls|min }} {{ ls|max(case_sensitive=true) }} {{ le|min }}| {{ users|max(attribute='age') }} {{ ['b', 'a']|min }}
{{ mixed|max }}
{{ l|sum }} {{ users|sum(attribute='age') }} {{ l|sum(start=10) }} {{ [1.5, 2]|sum }} {{ [[1], [2]]|sum(start=[]) }}
{{ ['a']|sum }}
{{ users|selectattr('active')|map(attribute='name')|list }} {{ users|selectattr('age', 'equalto', 30)|map(attribute='name')|list }} {{ users|rejectattr('active')|list|length }} {{ users|selectattr('tag', 'defined')|list|length }} {{ users|selectattr('tag.x', 'eq', 1)|map(attribute='name')|first }} {{ users|selectattr('age', '>', 26)|list|length }} {{ users|rejectattr('name', 'in', ['Bob'])|map(attribute='name')|list }}
{{ users|selectattr|list }}
{{ users|selectattr('age', 'nonsense')|list }}
{{ users|selectattr('age', 'nonsense') is defined }}
{{ l|select('odd')|list }} {{ l|select|list }} {{ [0, 1, '', 'a']|reject|list }} {{ l|select('gt', 1)|list }} {{ mixed|select('string')|list }} {{ l|reject('in', [1])|list }} {{ l|select('divisibleby', 2)|list }}
{{ ls|map('upper')|list }} {{ users|map(attribute='tag.x', default=0)|list }} {{ l|map('string')|join }} {{ ['a b', 'c']|map('replace', ' ', '_')|list }} {{ undefined_a|map('upper')|list }} {{ users|map(attribute='zz')|list }} {{ ll|map('first')|list }} {{ ll|map(attribute=1)|list }} {{ ll|map('join', '-')|list }}
{{ ls|map('nonsense')|list }}
{{ ls|map|list }}
{{ ls|map(attribute='a', foo=1)|list }}
{{ ls|map('upper') }}
{{ 'yes' if le|map('upper') else 'no' }} {{ 'yes' if le|select else 'no' }}
{{ ls|map('upper')|length }}
{% set g = l|map('string') %}{{ g|list }}{{ g|list }}
{% set g = l|select %}{{ g|first }}{{ g|first }}{{ g|list }}
{{ (l|map('string'))[0] }}|{{ (l|map('string')).foo }}
{{ l|list }} {{ 'abc'|list }} {{ d|list }} {{ range(3)|list }} {{ undefined_a|list }} {{ (1, 2)|list }} {{ d.items()|list }}
{{ 5|list }}
{{ none|list }}
{{ d|items|list }} {{ undefined_a|items|list }} {{ de|items|list }}
{{ l|items|list }}
{% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}
{{ d|dictsort }} {{ {'b': 1, 'A': 2}|dictsort }} {{ {'b': 1, 'A': 2}|dictsort(true) }} {{ {'b': 1, 'A': 2}|dictsort(by='value') }} {{ {'b': 1, 'A': 2}|dictsort(reverse=true) }}
{{ {'a': 1, 1: 2}|dictsort }}
{{ d|dictsort(by='x') }}
{{ l|dictsort }}
{% for a, g in users|groupby('age') %}{{ a }}:{{ g|map(attribute='name')|join(',') }};{% endfor %}{{ (users|groupby('age')|first).grouper }} {{ (users|groupby('active')|first).list|length }} {{ ls|groupby(0) }}
{{ users|groupby('tag.x', default=9) }}
{{ users|groupby('tag')|list }}
{{ ls|batch(3)|list }} {{ ls|batch(3, '-')|list }} {{ [1, 2, 3, 4, 5]|slice(2)|list }} {{ [1, 2, 3, 4, 5]|slice(3, 0)|list }} {{ le|batch(2)|list }} {{ range(7)|batch(3)|map('sum')|list }}
{{ s|replace('o', '0') }} {{ s|replace('l', 'L', 2) }} {{ 5|replace(5, 6) }} {{ s|replace('', '.') }} {{ undefined_a|replace('a', 'b') }}|
{{ s|replace('o') }}
{{ lines|indent }}|{{ lines|indent(2, true) }}|{{ lines|indent('> ', blank=true) }}|{{ 'a'|indent(first=true) }}|{{ ''|indent }}|{{ 'a\n'|indent(2) }}|
{{ 5|indent }}
{{ '42'|int }} {{ '42.9'|int }} {{ 'x'|int }} {{ 'x'|int(-1) }} {{ 3.9|int }} {{ -3.9|int }} {{ '0x1F'|int(base=16) }} {{ '101'|int(0, 2) }} {{ none|int }} {{ true|int }} {{ ' 7 '|int }} {{ '1_000'|int }} {{ ''|int(5) }} {{ '1e3'|int }} {{ [1]|int }} {{ '-5'|int }} {{ '+5'|int }} {{ 'inf'|int(9) }}
{{ undefined_a|int }}
{{ '4.5'|float }} {{ 'x'|float }} {{ 3|float }} {{ 'x'|float(1.5) }} {{ '1e3'|float }} {{ ' 2 '|float }} {{ none|float }} {{ 'inf'|float }} {{ '-nan'|float }} {{ '.5'|float }} {{ '5.'|float }} {{ '1__0'|float }}
{{ 2.5|round }} {{ 3.5|round }} {{ 2.567|round(2) }} {{ 2.1|round(method='ceil') }} {{ -2.1|round(0, 'floor') }} {{ 2|round }} {{ 1234|round(-2) }} {{ 2.675|round(2) }} {{ 1250|round(-2) }} {{ 2.45|round(1, 'ceil') }} {{ 1e300|round(2) }}
{{ 'x'|round }}
{{ 2|round(0, 'x') }}
{{ -5|abs }} {{ (-5)|abs }} {{ (-2.5)|abs }} {{ true|abs }}
{{ 'a'|abs }}
{{ 5|string }} {{ none|string }} {{ [1, 'a']|string }} {{ 1.0|string|length }} {{ undefined_a|string }}|
{{ s|wordcount }} {{ 'a-b c_d é.f'|wordcount }} {{ 'foo bar baz qux'|truncate(9) }} {{ 'foo bar baz qux'|truncate(9, true) }} {{ 'foo bar baz qux'|truncate(11) }} {{ 'foo bar baz qux'|truncate(11, false, '..', 0) }} {{ 'ab'|center(6) }}|
{{ 'foo bar baz'|truncate(1) }}
{{ '%s-%s'|format('a', 1) }} {{ '%(a)s'|format(a=2) }}
{{ 'a b&c/d?é'|urlencode }} {{ {'a b': 'c&d', 'e': 1}|urlencode }} {{ [['a', 1]]|urlencode }}
{{ 1|filesizeformat }} {{ 100|filesizeformat }} {{ 1000|filesizeformat }} {{ 1048576|filesizeformat(true) }} {{ 1e12|filesizeformat }}
{{ s|attr('upper') is defined }} {{ d|attr('a') }}| {{ d|attr('items') is defined }}
{{ s|nonsense }}
{% if z %}{{ s|nonsense }}{% endif %}ok
{% if t %}{{ s|nonsense }}{% endif %}
{{ (s|nonsense) if z else 'ok' }}
{% if z %}{% for i in l %}{{ i|nonsense }}{% endfor %}{% endif %}
{{ s is nonsense }}
{% if z and s is nonsense %}{% endif %}ok
{{ s|upper|lower|title|replace('H', 'J') }}
{{ -1|abs }} {{ 1 + 2|string ~ 'x' }} {{ (1 + 2)|string }} {{ 'a' ~ 'b'|upper }} {{ not t|string }}
{{ s|upper() }} {{ s.split(' ')|map('length')|list }} {{ l|sort|first|string }}
{{ s|default }} {{ s|upper(1) }}
{{ s|join(1, 2, 3, 4) }}
{{ s|replace(old='o', new='0') }} {{ 'a'|default(boolean=true, default_value=2) }}
{{ s|lower|nonsense.more }}
{{ (html|safe)|list }} {{ ('<b'|safe)|select|list }} {{ huge|round(1) }} {{ zz|last }}|{{ zz|truncate(3) }}|{{ l|truncate(9) }} {{ zz|reverse|list }} {{ range(3)[::2] }} {{ range(10)[8:2:-3] }} {{ range(10)[20:] }} {{ range(3).count(1) }} {{ range(3).index(2) }} {{ 'a' % zz }}
{{ ('a', 1)|max(attribute='age') }}
{{ ('a', 1)|min(attribute='age') }}
{{ zz > yy }}
{{ zz <= yy }}
{{ zz|abs }}
{{ zz|round }}
{{ [] is filter }}
{{ {}|filesizeformat }}
{{ ll|truncate(1, end='', leeway=0) }}
{{ '%d' % zz }}
{{ range(3).index(5) }}
{{ namespace()|reverse }}
== json
{{ d|tojson }} {{ mixed|tojson }} {{ s|tojson }} {{ qq|tojson }} {{ u|tojson }} {{ html|tojson }} {{ lines|tojson }} {{ none|tojson }} {{ true|tojson }} {{ 1.0|tojson }} {{ big|tojson }} {{ tiny|tojson }} {{ (1, 2)|tojson }} {{ "\x00\x1f\x7f\b\f/" |tojson }} {{ [] | tojson }} {{ {}|tojson }}
{{ d|tojson(indent=2) }} {{ mixed|tojson(indent=0) }} {{ [[], {}, [1]]|tojson(indent=4) }} {{ l|tojson(indent='\t') }} {{ d|tojson(indent=none) }}
{{ d|tojson(ensure_ascii=true) }} {{ u|tojson(true) }} {{ "\x7f\u2028"|tojson(ensure_ascii=true) }}
{{ d|tojson(separators=(',', ':')) }} {{ d|tojson(separators=[', ', ': '], indent=2) }} {{ {'b': 1, 'a': {'d': 1, 'c': 2}}|tojson(sort_keys=true) }}
{{ {1: 'a', none: 'b', true: 'c', 2.5: 'd'}|tojson }}
{{ {(1, 2): 'a'}|tojson }}
{{ {'a': 1, 2: 3}|tojson(sort_keys=true) }}
{{ undefined_a|tojson }}
{{ [d.missing]|tojson }}
{{ range(3)|tojson }}
{{ d.items()|tojson }}
{{ namespace(a=1)|tojson }}
{{ s.upper|tojson }}
{{ d|tojson(4) }} {{ d|tojson(nonsense=1) }}
{{ 'inf'|float|tojson }} {{ 'nan'|float|tojson }} {{ 'inf'|float }} {{ ['nan'|float] }}
== safe html
{{ html|safe }} {{ html|escape }} {{ html|e }} {{ html }} {{ html|forceescape }} {{ html|e|e }} {{ 5|e }}
{{ (html|safe) + '<' }} {{ '<' + ('>'|safe) }} {{ ('<'|safe) ~ '<' }} {{ ('<%s>'|safe) % '<' }} {{ ('<'|safe) * 2 }} {{ ('<{}>'|safe).format('<') }} {{ ('-<'|safe).join(['<', 'a']) }} {{ (html|safe)|upper }} {{ (html|safe).replace('x', '<') }} {{ [html|safe] }} {{ (html|safe)|length }} {{ (html|safe) is string }} {{ (html|safe) is escaped }} {{ (html|safe)|tojson }} {{ [('<'|safe), '<']|join(',') }} {{ ('a,<'|safe).split(',') }} {{ ('<'|safe)|string + '<' }} {{ (s|safe)[0] + '<' }} {{ (' <'|safe)|trim + '<' }} {{ ('x'|safe) == 'x' }} {{ ('<a'|safe)|replace('a', '<') + '<' }}
{{ d|tojson|safe }} {{ s|safe|lower ~ '<' }} {{ (('a'|safe) ~ 'b') + '<' }}
{{ ('a'|safe) + 1 }}
== tests
{{ n is defined }} {{ zz is defined }} {{ zz is undefined }} {{ zz is not defined }} {{ none is none }} {{ n is none }} {{ d.zz is none }} {{ d.zz is undefined }} {{ (none).x is defined }}
{{ zz.y is defined }}
{{ n is number }} {{ t is number }} {{ f is number }} {{ s is number }} {{ n is integer }} {{ t is integer }} {{ f is float }} {{ n is float }} {{ t is boolean }} {{ n is boolean }} {{ t is true }} {{ 1 is true }} {{ false is false }} {{ 0 is false }}
{{ s is string }} {{ n is string }} {{ l is string }} {{ d is mapping }} {{ l is mapping }} {{ l is sequence }} {{ s is sequence }} {{ d is sequence }} {{ n is sequence }} {{ none is sequence }} {{ zz is sequence }} {{ range(2) is sequence }} {{ d.items() is sequence }} {{ (l|map('string')) is sequence }}
{{ l is iterable }} {{ s is iterable }} {{ d is iterable }} {{ n is iterable }} {{ none is iterable }} {{ zz is iterable }} {{ range(2) is iterable }} {{ d.items() is iterable }} {{ (l|map('string')) is iterable }} {{ namespace() is iterable }}
{{ 3 is odd }} {{ 3 is even }} {{ 4 is divisibleby 2 }} {{ 4 is divisibleby(3) }} {{ -3 is odd }} {{ 2.0 is even }}
{{ 'a' is odd }}
{{ none is odd }}
{{ 4 is divisibleby 0 }}
{{ 'a' is lower }} {{ 'A' is upper }} {{ 'aB' is lower }} {{ 5 is lower }} {{ '' is lower }}
{{ 3 is eq 3 }} {{ 3 is equalto(3.0) }} {{ 3 is ne 4 }} {{ 3 is gt 2 }} {{ 3 is lt(2) }} {{ 3 is ge 3 }} {{ 3 is le 2 }} {{ 3 is in [1, 3] }} {{ 'a' is in 'abc' }} {{ 3 is sameas 3 }} {{ none is sameas none }} {{ 1 is sameas true }} {{ 3 is greaterthan 2 }} {{ 3 is lessthan 4 }} {{ 3 is not in [1] }}
{{ 3 is in 5 }}
{{ range is callable }} {{ s.upper is callable }} {{ s is callable }} {{ zz is callable }} {{ d.items is callable }}
{{ 'upper' is filter }} {{ 'zz' is filter }} {{ 'odd' is test }} {{ 'zz' is test }}
{{ n is defined and s is string or zz is defined }} {{ not zz is defined }} {{ n + 1 is number }} {{ 'a' if n is defined else 'b' }} {{ n is defined is true }}
{{ s is string and s is not none }} {{ (s is string) ~ 'x' }} {{ l is not string and l is iterable }}
{{ d.a is defined and d.a is not none and d.a > 0 }}
== for
{% for i in l %}{{ i }}{% endfor %}|{% for i in [] %}x{% else %}none{% endfor %}|{% for i in zz %}x{% else %}undefined{% endfor %}
{% for i in none_value %}{% endfor %}
{% for i in 5 %}{% endfor %}
{% for i in l if i > 1 %}{{ loop.index }}/{{ loop.length }}:{{ i }} {% endfor %}
{% for i in l if i > 100 %}x{% else %}nothing{% endfor %}
{% for a, b in ll %}{{ a }}-{{ b }} {% endfor %}{% for k, v in d.items() %}{{ k }}={{ v }} {% endfor %}{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in l %}{% endfor %}
{% for a, b, c in ll %}{% endfor %}
{% for a in ['xy'] %}{% for b, c in [a] %}{{ b }}{{ c }}{% endfor %}{% endfor %}
{% for i in ls %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }} {{ loop.previtem }}<{{ i }}>{{ loop.nextitem }} {{ loop.cycle('x', 'y') }}{{ loop.changed(i|lower) }};{% endfor %}
{% for i in l %}{{ loop }}{% endfor %}
{% for i in l %}{{ loop.nonsense }}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}
{% for i in l %}{{ loop.previtem + 1 }}{% endfor %}
{% for i in l %}{% for j in ls %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}
{% for i in l %}{% if i == 1 %}{% break %}{% endif %}{{ i }}{% endfor %}|{% for i in l %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}
{% for i in l %}{% break %}{% else %}else{% endfor %}|{% for i in l %}{% continue %}{% else %}else{% endfor %}|{% for i in l %}x{% break %}{% else %}else{% endfor %}
{% break %}
{% if t %}{% continue %}{% endif %}
{% for i in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}
{% for i in l %}{% set x %}a{% break %}b{% endset %}{% endfor %}done
{% for i in 'aé👍' %}[{{ i }}]{% endfor %}{% for i in range(3) %}{{ i }}{% endfor %}{% for i in range(5, 0, -2) %}{{ i }}{% endfor %}{% for i in d %}{{ i }}{% endfor %}{% for i in (1, 2) %}{{ i }}{% endfor %}{% for i in 1, 2 %}{{ i }}{% endfor %}
{% set x = 1 %}{% for i in l %}{% set x = i %}{{ x }}{% endfor %}{{ x }}
{% for i in l %}{{ x }}{% set x = i %}{{ x }};{% endfor %}{{ x }}|
{% set ns = namespace(c=0) %}{% for i in l %}{% set ns.c = ns.c + i %}{% endfor %}{{ ns.c }}
{% set ns = namespace(stop=false) %}{% for i in l if not ns.stop %}{{ i }}{% if i == 1 %}{% set ns.stop = true %}{% endif %}{% endfor %}
{% for i in l %}{% if loop.first %}F{% endif %}{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}
{% for i in l|select('odd') %}{{ i }}{{ loop.length }}{{ loop.last }} {% endfor %}
{% for i in users|map(attribute='name') %}{{ loop.nextitem|default('-') }}{{ i }} {% endfor %}
{% for n in l %}{{ n }}{% endfor %}{{ n }}
{% for i in l %}{% endfor %}{{ i }}|{{ loop }}|
{% for i in ll recursive %}[{% if i is iterable %}{{ loop(i) }}{% else %}{{ i }}@{{ loop.depth }}{% endif %}]{% endfor %}
{% for i in l %}{{ loop(i) }}{% endfor %}
{% for loop in l %}{% endfor %}
{% for i in l %}{% set loop = 1 %}{% endfor %}
{% for i.x in l %}{% endfor %}
{% for m in messages %}{{ m.role }}: {{ m['content'] }}{{ '\n' if not loop.last }}{% endfor %}
{% for i in l -%}
  {{ i }}
{%- endfor %}
{% for i in l: %}{{ i }}{% endfor %}
{% for i in l %}{% for i in ls %}{{ i }}{% endfor %}{{ i }}{% endfor %}
{% for i in [1] %}{% if true %}{% set y = 5 %}{% endif %}{{ y }}{% endfor %}{{ y }}|
{% for i in l if loop.index > 1 %}{{ i }}{% endfor %}
{% for x in l %}{% for y in l if y > x %}{{ x }}{{ y }} {% endfor %}{% endfor %}
== set
{% set a = 1 %}{{ a }}{% set a = a + 1 %}{{ a }}{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d2) = [3, 4] %}{{ c }}{{ d2 }}{% set x = 1, 2 %}{{ x }}
{% set a, b = 1 %}
{% set a, b = [1] %}
{% set a, b = [1, 2, 3] %}
{% set a %}x{{ n }}y{% endset %}{{ a }}{{ a|length }}{% set b | upper %}abc{% endset %}{{ b }}{% set c | replace('a', 'b') | upper %}aXa{% endset %}{{ c }}
{% set ns = namespace(a=1, b='x') %}{{ ns.a }}{{ ns.b }}{{ ns.c }}|{% set ns.c = [1] %}{{ ns.c }}{{ ns }}{{ ns['a'] }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{% set ns.a, ns.b = 5, 6 %}{{ ns.a }}{{ ns.b }}{% set ns.x %}block{% endset %}{{ ns.x }}
{% set n.x = 1 %}
{% set d.x = 1 %}
{% set zz.x = 1 %}
{% set none = 1 %}
{% set 1 = 2 %}
{% set a.b.c = 1 %}
{% set [a] = [1] %}
{% set 'a' = 1 %}
{% set a = %}
{% set a %}
{% if t %}{% set a = 1 %}{% endif %}{{ a }}{% if z %}{% set bb = 1 %}{% endif %}{{ bb }}|{{ bb is defined }}
{% if z %}{% set n = 9 %}{% endif %}{{ n }}{% if t %}{% set n = 9 %}{% endif %}{{ n }}
{{ n }}{% set n = 10 %}{{ n }}
{% set a %}{% set b = 1 %}{{ b }}{% endset %}{{ a }}{{ b }}|
{% set ns = namespace() %}{% set ns.self = 1 %}{{ ns.self }}{{ ns.missing is defined }}{{ ns.__class__ }}|
{% set ns = namespace(items=[1]) %}{{ ns.items }}{{ ns.get }}|
{% set x = namespace(a=namespace(b=1)) %}{{ x.a.b }}
{{ namespace(1) }}
{{ ns.a }}
{% set x = d.b %}{{ x.c }}{% set x = x.c %}{{ x }}
{% set true = 1 %}
{% set x = l | sort %}{{ x }}{% set x = l if z else le %}{{ x }}{% set x = 'a' 'b' %}{{ x }}{% set x=1 %}{{x}}
{% if z %}{% set q1 = 1 %}{% elif t %}{% set q2 = 2 %}{% else %}{% set q3 = 3 %}{% endif %}{{ q1 }}{{ q2 }}{{ q3 }}
== if
{% if n %}a{% elif z %}b{% else %}c{% endif %}{% if z %}a{% elif n %}b{% else %}c{% endif %}{% if z %}a{% elif le %}b{% else %}c{% endif %}{% if not zz %}undefined is false{% endif %}
{% if n == 3 and s and (l or zz) %}yes{% endif %}{% if 1, %}tuple{% endif %}{% if (z) %}{% else %}no{% endif %}
{% if zz.x %}{% endif %}
{% if d.zz %}x{% else %}y{% endif %}{% if d.zz.x %}{% endif %}
{% if n is defined and n is not none %}a{% endif %}{% if l and l[0] == 3 %}b{% endif %}{% if d.b and d.b.c %}c{% endif %}{% if 'a' in d %}d{% endif %}
{% if %}{% endif %}
{% if n %}{% elif %}{% endif %}
{% if n: %}x{% endif %}
{% if n %}{% if z %}a{% else %}b{% endif %}{% endif %}
== macro
{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(1, c='y') }} {{ m(a=5) }} {{ m() }}|
{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=1) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}{{ m() }}
{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 2) }}
{% macro m(a, b=n) %}{{ b }}{% endmacro %}{% set n = 7 %}{{ m(1) }}
{% macro m(a=1, b) %}{% endmacro %}
{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}{% set x = 2 %}{{ m() }}
{% macro m() %}{% set x = 5 %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}{{ x }}
{% macro m() %}{{ n }}{% endmacro %}{% for n in l %}{{ m() }}{% endfor %}
{% macro f(n) %}{{ n if n < 2 else n * f(n - 1)|int }}{% endmacro %}{{ f(5) }}
{% macro outer() %}{% macro inner(x) %}<{{ x }}>{% endmacro %}{{ inner(1) }}{{ inner(2) }}{% endmacro %}{{ outer() }}
{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}body {{ n }}{% endcall %}
{% macro m() %}{{ caller(1, 2) }}{{ caller(3, 4) }}{% endmacro %}{% call(a, b) m() %}[{{ a }}{{ b }}]{% endcall %}
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
{% macro m(x) %}{{ x }}{{ caller() }}{% endmacro %}{% for i in l %}{% call m(i) %}{{ i }}{{ loop.index }}{% endcall %}{% endfor %}
{% call n() %}{% endcall %}
{% call n %}{% endcall %}
{{ m }}{% macro m(a, b) %}{% endmacro %}{{ m }}{{ m.name }}{{ m.arguments }}{{ m.caller }}{{ m.catch_kwargs }}
{{ undefined_m(1) }}
{% macro m(x) -%}
  {{ x }}
{%- endmacro %}[{{ m(1) }}]{{ m(1)|length }}{{ m('<') ~ '>' }}{{ m('a') == 'a' }}{{ m('a') is string }}
{% macro m(a, *b) %}{% endmacro %}
{% macro m(a, a) %}{% endmacro %}
{% if t %}{% macro m() %}in if{% endmacro %}{% endif %}{{ m() }}
{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}{{ m }}|
{% macro m(kwargs) %}{{ kwargs }}{% endmacro %}{{ m(1) }}
{% macro m(d) %}{% for k, v in d.items() %}{{ k }}{% if v is mapping %}({{ m(v) }}){% endif %}{% endfor %}{% endmacro %}{{ m(d) }}
{% set args = [1, 2] %}{% macro m(a, b, c=0) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(*args) }}{{ m(*args, **{'c': 9}) }}{{ m(1, *[2], c=3) }}
{{ range(*[1, 4])|list }}{{ dict(**{'a': 1}) }}
{{ s.split(*5) }}
{{ s.split(**5) }}
{{ m(a=1, 2) }}
{{ range(**{1: 2}) }}
{% macro m() %}{% set ns.a = ns.a + 1 %}{{ ns.a }}{% endmacro %}{% set ns = namespace(a=0) %}{{ m() }}{{ m() }}{{ ns.a }}
== blocks
{% filter upper %}abc {{ s }}{% endfilter %}{% filter replace('a', 'b')|upper %}aaa{% endfilter %}{% filter trim %}  x  {% endfilter %}|
{% filter nonsense %}x{% endfilter %}
{% filter upper %}{% set x = 1 %}{{ x }}{% endfilter %}{{ x }}|
{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}|{% with %}{% set q2 = 1 %}{{ q2 }}{% endwith %}{{ q2 }}|
{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}
{% with n = n + 1 %}{{ n }}{% endwith %}{{ n }}
{% block x %}in {{ n }}{% endblock %}{% block y %}{% endblock y %}
{% print n, s %}
{% generation %}a{{ n }}{% endgeneration %}b
{% set x = 1 %}{% generation %}{% set x = 2 %}{{ x }}{% endgeneration %}{{ x }}
{% for i in l %}{% generation %}{{ i }}{{ loop.index }}{% endgeneration %}{% endfor %}
{% generation %}{% break %}{% endgeneration %}
{% for i in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}
{% generation %}x
{% do n %}
== functions
{{ range(3) }} {{ range(1, 3) }} {{ range(1, 10, 3) }} {{ range(3)|list }} {{ range(0) }} {{ range(5, 1)|list }} {{ range(3) == range(0, 3) }}
{{ range(100001) }}
{{ range(1, 2, 0) }}
{{ range('a') }}
{{ range() }}
{{ range(1.5) }}
{{ dict(a=1, b='x') }} {{ dict() }} {{ dict({'a': 1}, b=2) }} {{ dict([('a', 1), ['b', 2]]) }}
{{ dict(1) }}
{{ raise_exception('Oh "no" é\nx') }}
{{ raise_exception(5) }}
{{ raise_exception() }}
{% if z %}{{ raise_exception('x') }}{% endif %}fine
{{ strftime_now('%Y-%m-%d %H:%M:%S %A %B %b %d %j %y %I %p %f|%z|%Z|%%') }} {{ strftime_now('%d %b %Y') }} {{ strftime_now('') }} {{ strftime_now('é %e') }}
{{ strftime_now(5) }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set j = joiner('|') %}{{ j() }}x{{ j() }}y{{ j() }}
{{ range }}{{ s }}{% set range = 5 %}{{ range }}
{{ raise_exception is defined }} {{ strftime_now is defined }} {{ tools is defined }} {{ nonsense is defined }}
{{ raise_exception(d.missing) }}
{{ raise_exception('a' ~ n) }}
== precedence
{{ 2 + 3 * 4 ** 2 // 5 % 3 - 1 }} {{ -2 ** 2 }} {{ 2 ** -1 }} {{ not 1 == 2 }} {{ 1 + 1 == 2 and 3 or 4 }} {{ 'a' 'b' ~ 'c' * 2 }} {{ 1 ~ 2 * 3 }} {{ 10 - 2 - 3 }} {{ 2 * 3 ~ 4 }} {{ 100 / 10 / 2 }} {{ 1 < 2 and 2 < 3 }} {{ 1 in [1] and 2 not in [1] }}
{{ -l[0] }} {{ -d.a + 1 }} {{ -1.5|abs }} {{ (n)|string }} {{ n|string|length + 1 }} {{ not n is string }} {{ s|length > 5 and s|upper == 'HELLO WORLD' }} {{ 'x' in s|lower }} {{ s.lower().upper()[0:2]|lower }} {{ (l + [4])[-1] }} {{ [1, 2, 3][1] }} {{ {'a': 1}.a }} {{ 'abc'[1] }} {{ 'a'.upper() }} {{ (1).real }} {{ "a,b".split(",")[0] }} {{ [l, ls][1][0] }} {{ (1 if n else 2) + 3 }} {{ 1 if n else 2 + 3 }}
{{ l[0] if l else 'x' }} {{ d['b']['c'][0] + 1 }} {{ d.b.c|length }} {{ n == 3 == 3 }} {{ d.a|default(0) + 1 }} {{ n.__add__ }}|
{{ n if }}
{{ n else 1 }}
{{ n.. }}
{{ n.'a' }}
{{ n | }}
{{ n is }}
{{ n + }}
{{ * n }}
{{ n n }}
{{ n, }} {{ (n) }}
{{ n ; m }}
{{ n ! m }}
{{ n && m }}
{{ n? }}
{{ $n }}
{{ {a} }}
{{ {'a' 1} }}
{{ [1 2] }}
{{ f(x=1, x=2) }}
{{ n is not }}
{{ lambda }} {{ n.if }}|{{ for }}
"""


def snippets():
    group = None
    for line in SNIPPETS.strip("\n").split("\n"):
        if line.startswith("== "):
            group = line[3:]
            continue
        parts = re.findall(r"\{\{.*?\}\}(?=[ |]|$)", line)
        # An error would hide what comes after it.
        if len(parts) > 1 and "{%" not in line and "error" in render(line, VALUES):
            yield from ((group, part) for part in parts)
        else:
            yield group, line


MULTILINE = [
    "{{ n }}\n", "{{ n }}\n\n", "a\r\nb\r{{ n }}\r\n", "  {% if t %}  \nyes\n  {% endif %}\nno",
    "{% if t -%}\n   yes\n{%- endif %}  tail", "   {%+ if t %}\nyes\n   {%+ endif %}\nend",
    "{% if t +%}\nyes\n{% endif +%}\nend", "{# comment #}\nafter", "   {# comment #}  \nafter",
    "a\n  {# comment #}\nb", "a {#+ comment +#}\nb", "x{# multi\nline #}\ny", "a\n  {#- c -#}\n  b",
    "  {% raw %}\nkept\n  {% endraw %}\ndone", "{% raw -%}\n x\n {%- endraw %}\ny",
    "{% raw %}\n{{ x }}\n{% endraw +%}\ny", "line\n\n{{ n }}\n\n{% for i in l %}\n  - {{ i }}\n{% endfor %}\nx",
    "   x {% set a = 1 %}\n{{ a }}", "{% set a = 1 %}\n\n\n{{ a }}", "a\n\t{% if t %}tab{% endif %}",
    "a\n   {{ n }}\n   {{- n }}\n", "{% if t %}\n{% if t %}\n  x\n{% endif %}\n{% endif %}\n",
    "a\n \u00a0{% if t %}x{% endif %}", "\u2003{%- if t %} x\u2003{%- endif %}", "{{ n }}   {% if t %}\nx{% endif %}",
    "{% for i in l %}\n{{ i }}\n{% endfor %}\n", "{% for i in l -%}\n  {{ i }}\n{%- endfor %}\n",
    "{%- for i in l %}\n    {{- i }}\n{%- endfor -%}\n", "{{ 'a\nb' }}", "{{ 'a\r\nb'|length }}",
    "{{\n  n\n  +\n  1\n}}", "{% set x = [\n  1,\n  2,\n] %}{{ x }}", "{# a #}{# b #}\n{# c #}\nx",
    "a{% if t %}\n\nb{% endif %}\n\nc", "\n\n{% if t %}x{% endif %}", "{{ n }}{# c #}\n{{ n }}",
    "x  {%- if t -%}  \n  y  {%- endif -%}  \n z", "   {%- raw %} x {% endraw %}", "{%raw%}a{%endraw%}", "{%if t%}a{%endif%}{{n}}",
    "{% macro m() %}\n  body\n{% endmacro %}\n[{{ m() }}]", "{% set x %}\n  body\n{% endset %}\n[{{ x }}]",
    "{{ ('a' if z)\n.foo }}", "line\n{{ 1 }}\n{{ ('a'\nif z).foo }}", "{% if t %}{# c -#}   \n x{% endif %}",
    "\x0b{% if t %}x{% endif %}", "a\x0b{%- if t %}x{% endif %}", "{% if t %} {% endif %}{{ '' }}\n",
]

MASKED = [
    "{% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<e>{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}",
    "{%- for m in messages -%}\n  {%- generation -%}\n    {{ m.content }} é\n  {%- endgeneration -%}\n{%- endfor -%}",
    "é{% generation %}é{% generation %}inner{% endgeneration %}{% endgeneration %}x",
    "{% macro m() %}ab{% generation %}cd{% endgeneration %}{% endmacro %}xy{{ m() }}z",
    "{% set x %}ab{% generation %}cd{% endgeneration %}{% endset %}xy{{ x }}{{ x }}",
    "{% filter upper %}ab{% generation %}cd{% endgeneration %}{% endfilter %}",
    "{% generation %}{% endgeneration %}{% generation %}   {%- endgeneration %}",
    "{% generation %}\n x\n{% endgeneration %}\ny", "no mask",
]


PLAIN = ("{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
         "{% if add_generation_prompt %}<assistant>{% endif %}")
TRIMMED = "{% for m in messages %}<{{ m.role }}>{{ m.content|trim }}</>{% endfor %}"
PARTS = ("{% for m in messages %}<{{ m.role }}>{% for p in m.content %}{{ p.text }}{% endfor %}</>"
         "{% endfor %}")
FORGETFUL = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"
BEGUN = [{"role": "user", "content": "Count."}, {"role": "assistant", "content": "One, two, "}]
IN_PARTS = [{"role": "user", "content": [{"type": "text", "text": "U"}]}, {
    "role": "assistant", "content": [{"type": "text", "text": "A "}, {"type": "text", "text": "B "},
                                     {"type": "image"}]}]
CONTINUED = [
    (PLAIN, BEGUN), (TRIMMED, BEGUN), (PARTS, IN_PARTS), (FORGETFUL, BEGUN), (PLAIN, BEGUN[:1]),
    (PLAIN, [{"role": "assistant", "content": None}]), (PLAIN, [{"role": "assistant"}]),
    (PLAIN, [{"role": "assistant", "content": ""}]), (TRIMMED, [{"role": "assistant",
                                                                "content": " é\n "}]),
    (PARTS, [{"role": "assistant", "content": [{"type": "image"}]}]),
]


def continued():
    for template, messages in CONTINUED:
        try:
            texts, _ = utils.render_jinja_template(
                conversations=[messages], chat_template=template, continue_final_message=True)
            yield {"template": template, "messages": messages, "text": texts[0]}
        except Exception:
            yield {"template": template, "messages": messages, "error": True}


def main():
    cases = []
    for group, text in [*snippets(), *(("lines", text) for text in MULTILINE)]:
        case = {"group": group, "template": text, **render(text, VALUES)}
        # Where an object is in memory is not worth comparing.
        if " at 0x" not in case.get("text", ""):
            cases.append(case)
    for text in MASKED:
        values = {"messages": VALUES["messages"]}
        cases.append({"group": "generation", "template": text, **render(text, values, mask=True)})
    target = pathlib.Path(__file__).parents[2] / "Tests/JinjaTests/Fixtures/jinja-snippets.json"
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    values = json.dumps(VALUES, ensure_ascii=False)
    more = json.dumps(list(continued()), ensure_ascii=False)
    target.write_text(
        f'{{"values": {values},\n"continued": {more},\n"cases": [\n{lines}\n]}}\n')
    print(len(cases), "cases,", sum("error" in case for case in cases), "errors")


if __name__ == "__main__":
    main()
